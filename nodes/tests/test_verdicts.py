"""When silence becomes a verdict."""

import datetime as dt

import pytest
from django.utils import timezone

from nodes.calling.exchange import MISTAKEN_IDENTITY
from nodes.models import Status
from nodes.polls import polling
from nodes.tests import agents
from nodes.tests.builders import make_node, make_online_node
from nodes.tests.polls import ago, poll

pytestmark = pytest.mark.django_db


def settle(seconds_from_now: float = 0) -> int:
    now = timezone.now() + dt.timedelta(seconds=seconds_from_now)
    return polling.settle_overdue(now, dt.timedelta(seconds=15))


def test_one_failure_is_no_verdict():
    make_online_node(failures=1, failing_since=ago(100), reported_at=ago(100))
    assert settle() == 0


def test_two_failures_within_the_grace_are_no_verdict():
    make_online_node(failures=2, failing_since=ago(20), reported_at=ago(37))
    assert settle() == 0


def test_two_failures_and_no_report_for_forty_seconds_are_offline():
    node = make_online_node(failures=2, failing_since=ago(20), reported_at=ago(38.1))
    assert settle() == 1
    node.refresh_from_db()
    assert node.status == Status.OFFLINE
    assert node.status_since > ago(60)


def test_the_reason_of_the_last_failure_stays():
    node = make_online_node(
        failures=2, failing_since=ago(50), reported_at=ago(50), status_reason="Connection refused"
    )
    settle()
    node.refresh_from_db()
    assert (node.status, node.status_reason) == (Status.OFFLINE, "Connection refused")


def test_a_verdict_is_given_once():
    make_online_node(failures=2, failing_since=ago(50), reported_at=ago(50))
    assert [settle(), settle(5)] == [1, 0]


@pytest.mark.parametrize("found", MISTAKEN_IDENTITY)
def test_a_dead_node_that_comes_back_as_somebody_else_is_no_longer_offline(found):
    node = make_online_node(
        status=Status.OFFLINE, failures=9, failing_since=ago(900), reported_at=ago(900),
        status_since=ago(850), status_reason=found,
    )  # fmt: skip
    assert [settle(), settle(5)] == [1, 0]
    node.refresh_from_db()
    assert node.status == Status.IDENTITY_MISMATCH
    assert node.status_since > ago(60)


def test_who_was_met_at_the_address_stays_suspect_until_the_node_itself_answers():
    make_online_node(
        status=Status.IDENTITY_MISMATCH, failures=9, failing_since=ago(900), reported_at=ago(900),
        status_reason="Connection refused.",
    )  # fmt: skip
    assert settle() == 0


def test_a_long_interval_has_a_longer_grace():
    make_online_node(failures=2, failing_since=ago(50), reported_at=ago(60))
    assert polling.settle_overdue(timezone.now(), dt.timedelta(seconds=60)) == 0


def test_a_disabled_node_gets_no_verdict():
    make_online_node(enabled=False, failures=2, failing_since=ago(50), reported_at=ago(50))
    assert settle() == 0


def test_a_node_that_never_reported_is_offline_at_its_second_failure():
    node = make_node(agent_url=agents.closed_port())
    statuses = [poll(node) and node.status for _ in range(2)]
    assert statuses == [Status.UNKNOWN, Status.OFFLINE]
