"""The sweep, and what beat is told of it."""

import datetime as dt

import pytest
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from nodes.interfaces import Interface
from reconcile import tasks
from reconcile.pushing import leases
from reconcile.tests.builders import fresh, make_new_interface
from schedule.models import Heartbeat
from wgpanel.celery import app

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(monkeypatch) -> list[str]:
    """Return the ids of interfaces whose push was sent."""
    ids: list[str] = []
    monkeypatch.setattr(tasks.push, "apply_async", lambda args, kwargs: ids.extend(args))
    return ids


def test_the_sweep_finds_what_no_hint_told_of(sent):
    interface = make_new_interface()
    tasks.sweep()
    assert sent == [str(interface.pk)]


def test_two_sweepers_send_one_push(sent, monkeypatch):
    make_new_interface()
    now = timezone.now()
    monkeypatch.setattr(tasks.timezone, "now", lambda: now)
    tasks.sweep()
    tasks.sweep()
    assert len(sent) == 1


def test_what_is_being_pushed_is_not_sent_again(sent):
    interface = make_new_interface()
    leases.take(interface.pk, "a worker")
    tasks.sweep()
    assert sent == []


def test_what_waits_is_left_waiting(sent):
    make_new_interface()
    Interface.objects.update(sync_not_before=timezone.now() + dt.timedelta(seconds=60))
    tasks.sweep()
    assert sent == []


def test_a_push_by_a_task_reaches_the_node(agent):
    interface = make_new_interface(2, node=agent.node())
    tasks.push(str(interface.pk))
    assert fresh(interface).condition == "in_sync"


def test_the_push_of_a_deleted_interface_does_nothing():
    tasks.push("5ae15bcd-7a9b-4f7c-9f0a-0d0a0f1f2a3b")
    assert not Interface.objects.exists()


def test_the_sweep_is_a_sign_of_life(sent):
    tasks.sweep()
    assert Heartbeat.age("sync") < dt.timedelta(seconds=30)


@pytest.mark.parametrize("name", ["push", "sweep"])
def test_every_task_goes_to_the_queue_of_syncing(name):
    route = app.amqp.router.route({}, f"reconcile.tasks.{name}")
    assert route["queue"].name == "sync"


def test_beat_sweeps_every_5_seconds():
    row = PeriodicTask.objects.get(task="reconcile.tasks.sweep")
    assert (str(row.interval), row.queue) == ("every 5 seconds", "sync")
