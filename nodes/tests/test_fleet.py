"""Many nodes that fail at once are the panel's own trouble."""

import datetime as dt
import threading

import pytest
from django.db import connection
from django.utils import timezone

from nodes.models import FleetAlarm, JoinToken, Node
from nodes.polls import fleet
from nodes.tests.builders import make_node
from nodes.tests.joining import make_token

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def make_fleet(failing: int, sound: int, since_seconds: float = 10, **fields) -> None:
    since = NOW - dt.timedelta(seconds=since_seconds)
    for _ in range(failing):
        make_node(failures=1, failing_since=since, **fields)
    for _ in range(sound):
        make_node()


def test_a_third_of_the_fleet_failing_within_a_minute_opens_the_alarm(caplog):
    make_fleet(failing=6, sound=14)
    fleet.watch(NOW)
    alarm = FleetAlarm.objects.get()
    assert (alarm.failing, alarm.polled, alarm.opened_at, alarm.closed_at) == (6, 20, NOW, None)
    assert "6 of 20 nodes failed within a minute" in caplog.text


def test_it_is_said_once(caplog):
    make_fleet(failing=6, sound=14)
    for second in range(5):
        fleet.watch(NOW + dt.timedelta(seconds=second))
    assert (FleetAlarm.objects.count(), caplog.text.count("failed within a minute")) == (1, 1)


@pytest.mark.parametrize(
    ("failing", "sound"),
    [(4, 0), (5, 12), (0, 20)],
    ids=["fewer than five", "less than 30 %", "none"],
)
def test_a_few_failures_are_the_nodes_own(failing, sound):
    make_fleet(failing, sound)
    fleet.watch(NOW)
    assert not FleetAlarm.objects.exists()


def test_nodes_that_have_failed_for_long_do_not_open_it():
    make_fleet(failing=20, sound=0, since_seconds=61)
    fleet.watch(NOW)
    assert not FleetAlarm.objects.exists()


def test_agents_that_are_still_starting_do_not_open_it():
    make_fleet(failing=6, sound=0)
    for node in Node.objects.all():
        row, _ = make_token(node=node)
        JoinToken.objects.filter(pk=row.pk).update(used_at=NOW)
    fleet.watch(NOW)
    assert not FleetAlarm.objects.exists()


def test_disabled_nodes_do_not_count():
    make_fleet(failing=6, sound=0, enabled=False)
    fleet.watch(NOW)
    assert not FleetAlarm.objects.exists()


def test_it_stays_open_while_the_network_is_down():
    make_fleet(failing=6, sound=14)
    fleet.watch(NOW)
    fleet.watch(NOW + dt.timedelta(hours=1))
    assert FleetAlarm.objects.filter(closed_at=None).count() == 1


def test_it_closes_when_few_still_fail(caplog):
    make_fleet(failing=6, sound=14)
    fleet.watch(NOW)
    fleet.Node.objects.update(failures=0, failing_since=None)
    later = NOW + dt.timedelta(seconds=30)
    fleet.watch(later)
    assert FleetAlarm.objects.get().closed_at == later


def test_the_next_time_is_a_new_alarm():
    FleetAlarm.objects.create(failing=9, polled=9, closed_at=NOW)
    make_fleet(failing=6, sound=14)
    fleet.watch(NOW)
    assert FleetAlarm.objects.filter(closed_at=None).count() == 1


def test_alarms_are_kept_for_ninety_days():
    for days in (91, 89):
        FleetAlarm.objects.create(failing=9, polled=9, closed_at=NOW - dt.timedelta(days=days))
    FleetAlarm.objects.create(failing=9, polled=9, opened_at=NOW - dt.timedelta(days=400))
    fleet.forget_old_alarms(NOW)
    assert FleetAlarm.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_several_that_watch_at_once_one_opens_it(caplog):
    make_fleet(failing=6, sound=14)
    start = threading.Barrier(4)

    def watch() -> None:
        start.wait()
        fleet.watch(NOW)
        connection.close()

    threads = [threading.Thread(target=watch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (FleetAlarm.objects.count(), caplog.text.count("failed within a minute")) == (1, 1)
