"""Beat says that it is alive, and goes on when it cannot."""

import pytest
from django.db import OperationalError
from django_celery_beat.models import PeriodicTask

from schedule import scheduler
from schedule.models import Heartbeat
from schedule.scheduler import BeatingScheduler
from wgpanel.celery import app


@pytest.fixture
def beat(transactional_db):
    """A beat with nothing to send: these tests need no broker."""
    PeriodicTask.objects.all().delete()
    return BeatingScheduler(app, lazy=True)


def test_a_tick_leaves_a_heartbeat(beat):
    beat.tick()
    assert Heartbeat.age("beat") is not None


def test_not_every_tick_writes(beat):
    beat.tick()
    before = Heartbeat.objects.get(name="beat").beat_at
    beat.tick()
    assert Heartbeat.objects.get(name="beat").beat_at == before


def test_a_database_that_is_away_does_not_end_beat(beat, monkeypatch, caplog):
    def fail(name: str) -> None:
        raise OperationalError("the database is away")

    monkeypatch.setattr(scheduler.Heartbeat, "beat", fail)
    beat.tick()
    assert "cannot note its heartbeat" in caplog.text
