"""Who may push an interface."""

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.utils import timezone

from nodes.interfaces import Interface
from nodes.models import Node
from reconcile.pushing import leases
from reconcile.tests.builders import fresh, make_new_interface

pytestmark = pytest.mark.django_db


def ago(seconds: float) -> dt.datetime:
    return timezone.now() - dt.timedelta(seconds=seconds)


def pending(**fields) -> Interface:
    interface = make_new_interface()
    Interface.objects.filter(pk=interface.pk).update(**fields)
    return fresh(interface)


def test_one_of_two_workers_gets_it():
    interface = pending()
    assert leases.take(interface.pk, "one") is not None
    assert leases.take(interface.pk, "two") is None


def test_a_task_that_is_delivered_again_keeps_its_lease():
    interface = pending()
    leases.take(interface.pk, "one")
    assert leases.take(interface.pk, "one") is not None


def test_the_lease_of_a_dead_worker_passes_on():
    interface = pending(sync_lease_owner="dead", sync_lease_until=ago(1))
    assert leases.take(interface.pk, "two") is not None


def test_a_dead_worker_holds_an_interface_up_for_less_than_10_seconds():
    interface = pending()
    leases.take(interface.pk, "dead")
    later = timezone.now() + dt.timedelta(seconds=9)
    assert leases.take(interface.pk, "two", now=later) is not None


def test_a_lease_from_before_the_clock_stepped_back_is_void():
    interface = pending(sync_lease_owner="one", sync_lease_until=ago(-3600))
    assert leases.take(interface.pk, "two") is not None


def test_a_lease_can_be_given_back_with_what_came_of_it():
    interface = pending()
    lease = leases.take(interface.pk, "one")
    assert lease.release(sync_error="no")
    assert fresh(interface).sync_error == "no"
    assert leases.take(interface.pk, "two") is not None


def test_who_lost_the_lease_changes_nothing_more():
    interface = pending()
    lease = leases.take(interface.pk, "one")
    Interface.objects.update(sync_lease_owner="two")
    assert not lease.release(sync_error="no")
    assert not lease.extend(leases.SHORT)
    assert fresh(interface).sync_error == ""


@pytest.mark.parametrize(
    ("fields", "free"),
    [
        ({}, True),
        ({"seconds_ahead": 60}, False),
        ({"seconds_ahead": -1}, True),
        ({"desired_generation": 1, "observed_generation": 1}, False),
        ({"desired_generation": 1, "observed_generation": 1, "condition": "lost"}, True),
        ({"condition": "conflict"}, False),
        ({"condition": "unknown", "seconds_ahead": 60}, False),
    ],
)
def test_only_what_is_due_can_be_leased(fields, free):
    if "seconds_ahead" in fields:
        others = {name: value for name, value in fields.items() if name != "seconds_ahead"}
        fields = {**others, "sync_not_before": ago(-fields["seconds_ahead"])}
    assert (leases.take(pending(**fields).pk, "one") is not None) is free


def test_an_edit_is_worth_a_try_where_the_node_refused_what_was_before():
    interface = pending(condition="unknown", sync_not_before=ago(-60))
    assert leases.take(interface.pk, "one", hinted=True) is not None


def test_an_edit_is_no_reason_to_call_a_node_that_is_away():
    interface = pending(sync_not_before=ago(-60))
    assert leases.take(interface.pk, "one", hinted=True) is None


def test_a_disabled_node_is_left_alone():
    interface = pending()
    Node.objects.update(enabled=False)
    assert leases.take(interface.pk, "one") is None


def test_a_node_that_is_back_is_told_before_the_backoff_is_over():
    interface = pending(sync_not_before=ago(-200), sync_lease_until=ago(30))
    Node.objects.update(reported_at=ago(2), failures=0)
    assert leases.take(interface.pk, "one") is not None


@pytest.mark.parametrize(("reported", "failures", "ended"), [(40, 0, 30), (2, 1, 30), (2, 0, 4)])
def test_a_node_that_may_be_away_is_not(reported, failures, ended):
    interface = pending(sync_not_before=ago(-200), sync_lease_until=ago(ended))
    Node.objects.update(reported_at=ago(reported), failures=failures)
    assert leases.take(interface.pk, "one") is None


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_at_once_one_gets_it():
    interface, together = pending(), threading.Barrier(8)

    def take(number: int) -> bool:
        try:
            together.wait(timeout=30)
            return leases.take(interface.pk, f"worker {number}") is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(8))) == 1
