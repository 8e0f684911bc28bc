"""What a stored status is worth when it is read."""

import datetime as dt

import pytest
from django.utils import timezone

from nodes.models import Node, Status
from nodes.standing import NEVER_ASKED, standing_reason, standing_since
from nodes.tests.builders import make_node, make_online_node
from schedule.models import Heartbeat

pytestmark = pytest.mark.django_db
INTERVAL = dt.timedelta(seconds=15)
NOW = timezone.now()


def ago(seconds: float) -> dt.datetime:
    return NOW - dt.timedelta(seconds=seconds)


def standing() -> str:
    return Node.objects.with_standing(INTERVAL, NOW).get().standing


@pytest.mark.parametrize("status", ["online", "degraded", "offline", "identity_mismatch"])
def test_the_status_of_a_node_that_was_asked_lately_stands(status):
    make_online_node(status=status)
    assert standing() == status


@pytest.mark.parametrize("status", ["online", "degraded", "offline", "identity_mismatch"])
def test_a_node_that_nobody_asked_for_three_intervals_is_stale(status):
    make_online_node(status=status, last_attempt_at=ago(46), next_poll_at=ago(31))
    assert standing() == "stale"


def test_a_dead_node_that_waits_for_its_next_try_is_not_stale():
    make_online_node(
        status=Status.OFFLINE, last_attempt_at=ago(200), next_poll_at=NOW + dt.timedelta(seconds=90)
    )
    assert standing() == "offline"


def test_even_that_one_is_stale_when_the_poller_is_dead():
    make_online_node(
        status=Status.OFFLINE, last_attempt_at=ago(200), next_poll_at=NOW + dt.timedelta(seconds=90)
    )
    Heartbeat.objects.create(name="poll", beat_at=ago(61))
    assert standing() == "stale"


def test_a_stale_node_that_was_never_asked_says_so():
    make_node(status=Status.OFFLINE)
    Heartbeat.objects.create(name="poll", beat_at=ago(61))
    assert standing_reason(Node.objects.with_standing(INTERVAL, NOW).get()) == NEVER_ASKED


def test_a_poller_that_is_alive_lets_the_status_stand():
    make_online_node()
    Heartbeat.objects.create(name="poll", beat_at=ago(59))
    assert standing() == "online"


def test_another_jobs_silence_does_not_matter():
    make_online_node()
    Heartbeat.objects.create(name="beat", beat_at=ago(3600))
    assert standing() == "online"


@pytest.mark.parametrize("poller_age", [1, 3600])
def test_a_node_that_was_never_polled_is_unknown(poller_age):
    make_node()
    Heartbeat.objects.create(name="poll", beat_at=ago(poller_age))
    assert standing() == "unknown"


def test_a_disabled_node_is_unknown_whatever_it_once_said():
    make_online_node(enabled=False)
    assert standing() == "unknown"


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({}, 900),
        ({"last_attempt_at": ago(46), "next_poll_at": ago(31)}, 46),
        ({"enabled": False, "last_attempt_at": ago(200)}, 200),
        ({"enabled": False, "last_attempt_at": None}, 900),
    ],
    ids=["asked", "stale", "disabled", "disabled before it was asked"],
)
def test_a_node_that_nobody_asks_stands_so_since_it_was_asked_last(fields, seconds):
    make_online_node(status_since=ago(900), **fields)
    node = Node.objects.with_standing(INTERVAL, NOW).get()
    assert standing_since(node) == ago(seconds)


def test_nodes_can_be_filtered_by_their_standing():
    make_online_node(name="fresh")
    make_online_node(name="forgotten", last_attempt_at=ago(46), next_poll_at=ago(31))
    stale = Node.objects.with_standing(INTERVAL, NOW).filter(standing="stale")
    assert [node.name for node in stale] == ["forgotten"]
