"""Liveness and readiness, for load balancers and for people; no login, no details of the fleet."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Lock

from celery import current_app
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from kombu.exceptions import OperationalError

from schedule.models import SILENCE, Heartbeat

DEADLINE_SECONDS = 4
BROKER_TIMEOUT_SECONDS = 3
HEARTBEATS = {"beat": "beat", "poller": "poll", "pusher": "sync"}  # as shown → as stored

Verdicts = dict[str, str]


class Probe:
    """A check in a thread of its own: one that hangs is reported, and not started again."""

    def __init__(self, *names: str, check: Callable[[], Verdicts]):
        self._names, self._check = names, check
        self._lock = Lock()
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._pending: Future[Verdicts] | None = None

    def start(self) -> Future[Verdicts]:
        """Return the verdicts to come; callers at the same time share one run."""
        with self._lock:
            if self._pending is None or self._pending.done():
                self._pending = self._thread.submit(self._check)
            return self._pending

    def verdicts(self, pending: Future[Verdicts]) -> Verdicts:
        """Return what the run found, or that it found nothing in time."""
        return pending.result() if pending.done() else dict.fromkeys(self._names, "no answer")


def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200: this process serves."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when everything the panel needs is alive, else 503; each check in words.

    Answers within DEADLINE_SECONDS, whatever hangs.
    """
    runs = [(probe, probe.start()) for probe in PROBES]
    wait([pending for _, pending in runs], timeout=DEADLINE_SECONDS)
    checks = {name: v for probe, run in runs for name, v in probe.verdicts(run).items()}
    ready = all(verdict == "ok" for verdict in checks.values())
    body = {"status": "ok" if ready else "not ready", "checks": checks}
    return JsonResponse(body, status=200 if ready else 503)


def _database() -> Verdicts:
    try:
        heartbeats = {shown: freshness(stored) for shown, stored in HEARTBEATS.items()}
    except DatabaseError:
        return {"database": "does not answer", **dict.fromkeys(HEARTBEATS, "unknown")}
    finally:
        connection.close()  # this thread's own
    return {"database": "ok", **heartbeats}


def freshness(name: str) -> str:
    age = Heartbeat.age(name)
    if age is None:
        return "has never run"
    return "ok" if age < SILENCE else f"last ran {age.total_seconds():.0f} s ago"


def _broker() -> Verdicts:
    try:
        with current_app.connection_for_read() as broker:
            broker.ensure_connection(max_retries=1, timeout=BROKER_TIMEOUT_SECONDS)
    except (OperationalError, OSError):
        return {"broker": "does not answer"}
    return {"broker": "ok"}


PROBES = (Probe("database", *HEARTBEATS, check=_database), Probe("broker", check=_broker))
