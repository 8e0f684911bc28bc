"""Liveness and readiness tell the truth, name no detail, and never hang with what hangs."""

import datetime as dt
import socket
import threading

import pytest
from celery import current_app
from django.db import DatabaseError
from django.utils import timezone

from schedule.models import Heartbeat
from wgpanel import health

NOW = {"beat": dt.timedelta(0), "poll": dt.timedelta(0), "sync": dt.timedelta(0)}


def beat(ages=NOW):
    for name, age in ages.items():
        Heartbeat.objects.create(name=name, beat_at=timezone.now() - age)


def ready(client) -> tuple[int, dict[str, str]]:
    answer = client.get("/readyz")
    return answer.status_code, answer.json()["checks"]


def test_a_process_that_serves_is_alive(client):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.usefixtures("valkey")
@pytest.mark.django_db(transaction=True)
def test_a_panel_whose_parts_all_work_is_ready(client):
    beat()
    answer = client.get("/readyz")
    checks = {"database": "ok", "broker": "ok", "beat": "ok", "poller": "ok", "pusher": "ok"}
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "checks": checks})


@pytest.mark.usefixtures("valkey")
@pytest.mark.django_db(transaction=True)
def test_a_panel_that_never_polled_is_not_ready(client):
    status, checks = ready(client)
    assert status == 503
    assert (checks["beat"], checks["poller"]) == ("has never run", "has never run")
    assert (checks["database"], checks["broker"]) == ("ok", "ok")


@pytest.mark.usefixtures("valkey")
@pytest.mark.django_db(transaction=True)
def test_a_poller_that_stopped_is_named(client):
    beat({**NOW, "poll": dt.timedelta(seconds=90)})
    status, checks = ready(client)
    assert status == 503
    assert checks["beat"] == "ok"
    assert checks["poller"].startswith("last ran 9")


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_gone_is_named(client, valkey):
    beat()
    valkey.kill()
    valkey.wait()
    status, checks = ready(client)
    assert (status, checks["broker"]) == (503, "does not answer")
    assert checks["database"] == "ok"


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_accepts_and_says_nothing_is_not_waited_for(client, monkeypatch):
    beat()
    monkeypatch.setattr(health, "DEADLINE_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        monkeypatch.setattr(current_app.conf, "broker_url", f"redis://127.0.0.1:{port}/0")
        monkeypatch.setattr(health, "PROBES", (health.Probe("broker", check=health._broker),))
        status, checks = ready(client)
    assert (status, checks) == (503, {"broker": "no answer"})


@pytest.mark.usefixtures("valkey")
def test_a_database_that_is_gone_is_named_without_its_address(client, monkeypatch):
    def fail(name):
        raise DatabaseError("could not connect to 192.0.2.9")

    monkeypatch.setattr(Heartbeat, "age", fail)
    answer = client.get("/readyz")
    checks = answer.json()["checks"]
    assert answer.status_code == 503
    assert checks["database"] == "does not answer"
    assert (checks["beat"], checks["poller"], checks["broker"]) == ("unknown", "unknown", "ok")
    assert "192.0.2.9" not in answer.content.decode()


def test_a_check_that_hangs_is_started_once_and_recovers(client, monkeypatch):
    release, starts = threading.Event(), []

    def check():
        starts.append(1)
        release.wait()
        return {"database": "ok"}

    monkeypatch.setattr(health, "DEADLINE_SECONDS", 0.05)
    monkeypatch.setattr(health, "PROBES", (health.Probe("database", check=check),))
    hanging = [ready(client) for _ in range(3)]
    release.set()
    monkeypatch.setattr(health, "DEADLINE_SECONDS", 60)
    assert hanging == [(503, {"database": "no answer"})] * 3
    assert len(starts) == 1
    assert ready(client) == (200, {"database": "ok"})


def test_the_answer_comes_before_a_load_balancer_gives_up():
    assert health.BROKER_TIMEOUT_SECONDS < health.DEADLINE_SECONDS <= 5


def test_health_needs_no_https_behind_a_proxy(client, settings):
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/healthz").status_code == 200
    assert client.get("/admin/").status_code == 301
