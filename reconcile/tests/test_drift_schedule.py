"""When interfaces are checked for drift, and how long findings are kept."""

import datetime as dt

import pytest
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from nodes.interfaces import Interface
from nodes.models import Node
from peers.tests.builders import make_interface
from reconcile import tasks
from reconcile.checks import drift_schedule
from reconcile.models import Drift, DriftRecord, ReconcileRun
from reconcile.tests.pushing import make_in_sync

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def ago(minutes: float) -> dt.datetime:
    return NOW - dt.timedelta(minutes=minutes)


def checked(minutes: float, **fields) -> Interface:
    interface = make_interface(**fields)
    Drift.objects.create(interface=interface, checked_at=ago(minutes))
    return interface


@pytest.mark.parametrize(
    ("minutes", "condition", "is_due"),
    [
        (16, "in_sync", True),
        (14, "in_sync", False),
        (2, "drifted", True),
        (2, "incomplete", True),
        (0.5, "drifted", False),
    ],
)
def test_a_check_is_due_after_15_minutes_or_a_report_of_drift(minutes, condition, is_due):
    interface = checked(minutes, condition=condition)
    assert drift_schedule.due(NOW) == ([interface.pk] if is_due else [])


def test_what_was_never_checked_comes_first():
    later, first = checked(60), make_interface()
    assert drift_schedule.due(NOW) == [first.pk, later.pk]


def test_what_nobody_was_told_of_is_not_checked():
    make_interface(observed_generation=0)
    assert drift_schedule.due(NOW) == []


def test_a_disabled_node_is_left_alone():
    make_interface()
    Node.objects.update(enabled=False)
    assert drift_schedule.due(NOW) == []


def test_beat_has_what_is_due_checked(hints):
    interface = make_interface()
    tasks.check_due()
    assert hints == [str(interface.pk)]


def test_what_is_due_is_spread_so_that_pushes_come_between(monkeypatch):
    waits = []
    monkeypatch.setattr(
        drift_schedule.current_app, "send_task", lambda *_, countdown, **__: waits.append(countdown)
    )
    drift_schedule.send(["a", "b", "c", "d"], over_seconds=40)
    assert waits == [None, 10, 20, 30]


def test_ten_thousand_interfaces_are_checked_within_the_interval():
    minutes = drift_schedule.INTERVAL.total_seconds() / 60
    assert drift_schedule.MOST * minutes > 10_000


def test_a_second_beat_in_the_same_minute_does_nothing(hints, monkeypatch):
    make_interface()
    monkeypatch.setattr(tasks.timezone, "now", lambda: NOW)
    tasks.check_due()
    tasks.check_due()
    assert len(hints) == 1


def test_somebody_may_ask_for_a_check(hints, django_capture_on_commit_callbacks):
    interface = make_interface()
    with django_capture_on_commit_callbacks(execute=True):
        assert drift_schedule.request([interface.pk]) == 1
    assert hints == [str(interface.pk)]


def test_the_task_checks_the_interface(agent):
    interface = make_in_sync(agent)
    tasks.check_drift(str(interface.pk))
    assert Drift.objects.get().state == "in_sync"


def test_findings_and_decisions_are_kept_for_90_days():
    interface, day = make_interface(), 24 * 60
    for age in (91, 89):
        at = ago(age * day)
        DriftRecord.objects.create(interface=interface, checked_at=at, state="in_sync")
        runs = {"kind": "plan", "generation": 1, "interface": interface}
        ReconcileRun.objects.create(started_at=at, done_at=at, **runs)
    tasks.prune()
    assert (DriftRecord.objects.count(), ReconcileRun.objects.count()) == (1, 1)


@pytest.mark.parametrize("name", ["check_due", "prune"])
def test_beat_knows_of_it(name):
    assert PeriodicTask.objects.get(task=f"reconcile.tasks.{name}").queue == "sync"
