"""Liveness and readiness, for load balancers and for people; no login, no details of the fleet."""

import datetime as dt
from collections.abc import Callable

from celery import current_app
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from kombu.exceptions import OperationalError

from schedule.models import Heartbeat

MAX_HEARTBEAT_AGE = dt.timedelta(seconds=60)
BROKER_TIMEOUT_SECONDS = 3


def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200: this process serves."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when everything the panel needs is alive, else 503; each check in words."""
    checks = {name: check() for name, check in CHECKS.items()}
    ready = all(text == "ok" for text in checks.values())
    body = {"status": "ok" if ready else "not ready", "checks": checks}
    return JsonResponse(body, status=200 if ready else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "the database does not answer"
    return "ok"


def _broker() -> str:
    try:
        with current_app.connection_for_read() as broker:
            broker.ensure_connection(max_retries=1, timeout=BROKER_TIMEOUT_SECONDS)
    except (OperationalError, OSError):
        return "the broker does not answer"
    return "ok"


def _heartbeat(name: str) -> str:
    try:
        age = Heartbeat.age(name)
    except DatabaseError:
        return "unknown: the database does not answer"
    if age is None:
        return "has never run"
    return "ok" if age < MAX_HEARTBEAT_AGE else f"last ran {age.total_seconds():.0f} s ago"


CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "broker": _broker,
    "beat": lambda: _heartbeat("beat"),
    "poller": lambda: _heartbeat("poll"),
}
