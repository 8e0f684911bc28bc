"""The tick, and what beat is told of it."""

import datetime as dt
import importlib
from uuid import UUID

import pytest
from django.apps import apps
from django.conf import settings
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from nodes import tasks
from nodes.models import FleetAlarm, JoinToken, Node, Status
from nodes.polls import polling
from nodes.tests.builders import make_node, make_online_node
from nodes.tests.joining import make_token
from schedule.models import Heartbeat
from schedule.rows import creation_of
from wgpanel.celery import app

pytestmark = pytest.mark.django_db
schedule = importlib.import_module("nodes.migrations.0003_polling_schedule")


@pytest.fixture
def sent(monkeypatch):
    """Return the batches that were handed to workers, by the ids in them."""
    batches: list[list[UUID]] = []
    monkeypatch.setattr(tasks.poll_batch, "delay", lambda ids: batches.append(list(map(UUID, ids))))
    return batches


def ago(seconds: float) -> dt.datetime:
    return timezone.now() - dt.timedelta(seconds=seconds)


def test_the_tick_hands_out_what_is_due(sent):
    node = make_node(next_poll_at=ago(1))
    make_node(next_poll_at=ago(-9))
    tasks.poll_due()
    assert sent == [[node.pk]]


def test_a_second_beat_in_the_same_second_does_nothing(sent, monkeypatch):
    now = timezone.now()
    monkeypatch.setattr(tasks.timezone, "now", lambda: now)
    tasks.poll_due()
    make_node(next_poll_at=ago(1))
    tasks.poll_due()
    assert sent == []


def test_the_tick_is_the_pollers_sign_of_life(sent):
    tasks.poll_due()
    assert Heartbeat.age("poll") < dt.timedelta(seconds=30)


def test_the_tick_settles_verdicts_that_are_overdue(sent):
    node = make_online_node(failures=2, failing_since=ago(50), reported_at=ago(50))
    tasks.poll_due()
    node.refresh_from_db()
    assert node.status == Status.OFFLINE


def test_the_tick_watches_the_fleet(sent):
    for _ in range(5):
        make_node(failures=1, failing_since=ago(5))
    tasks.poll_due()
    assert FleetAlarm.objects.filter(closed_at=None).exists()


def test_the_tick_finds_nodes_that_a_clock_put_far_ahead(sent):
    node = make_node(next_poll_at=ago(-7200))
    tasks.poll_due()
    assert sent == [[node.pk]]


def test_a_wish_is_served_in_the_same_second_as_the_tick(sent):
    tasks.poll_due()
    node = make_node()
    polling.request_polls(Node.objects.all())
    tasks.start_polls()
    assert sent == [[node.pk]]


def test_a_batch_polls_its_nodes():
    node = make_node(secret=None)
    tasks.poll_batch([str(node.pk)])
    node.refresh_from_db()
    assert node.failures == 1


def test_old_alarms_are_forgotten_once_a_day():
    FleetAlarm.objects.create(failing=9, polled=9, closed_at=ago(100 * 86400))
    tasks.prune()
    assert not FleetAlarm.objects.exists()


@pytest.mark.parametrize("task", [tasks.poll_due, tasks.start_polls, tasks.poll_batch])
def test_hours_without_a_worker_leave_no_work_behind(task):
    assert 0 < task.expires <= 15


@pytest.mark.parametrize("name", ["poll_due", "start_polls", "poll_batch", "prune"])
def test_every_task_goes_to_the_queue_of_polling(name):
    route = app.amqp.router.route({}, f"nodes.tasks.{name}")
    assert route["queue"].name == "poll"


def test_the_wish_names_a_task_that_exists():
    assert polling.WAKE_UP in app.tasks


# --- beat's rows ----------------------------------------------------------------------------------


def test_beat_is_told_to_tick_once_a_second():
    creation_of(schedule.POLL).code(apps, None)
    row = PeriodicTask.objects.get(name="Poll the nodes that are due")
    assert (row.task, str(row.interval), row.queue) == (
        "nodes.tasks.poll_due",
        "every second",
        "poll",
    )
    assert (row.enabled, row.expire_seconds) == (True, 5)
    assert row.task in app.tasks


def test_the_interval_of_the_tick_is_no_setting():
    assert not hasattr(settings, "CELERY_BEAT_SCHEDULE")


def test_join_tokens_are_forgotten_thirty_days_after_their_end_and_alarms_are_not():
    long_ago, lately = ago(31 * 86400), ago(29 * 86400)
    for name, end, reused_at in (
        ("old", long_ago, None),
        ("alarming", long_ago, long_ago),
        ("recent", lately, None),
    ):
        row, _ = make_token(name=name)
        JoinToken.objects.filter(pk=row.pk).update(expires_at=end, reused_at=reused_at)
    tasks.prune()
    assert set(JoinToken.objects.values_list("name", flat=True)) == {"alarming", "recent"}
