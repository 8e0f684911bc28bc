"""Which nodes may take a new peer, and what is in the way of the others."""

import datetime as dt

import pytest
from django.utils import timezone

from nodes.availability import obstacle
from nodes.models import Node
from nodes.tests.builders import make_node, make_online_node
from nodes.tests.polls import ago

pytestmark = pytest.mark.django_db
INTERVAL = dt.timedelta(seconds=15)
OBSTACLES = [
    ({}, None),
    ({"cpu_percent": None, "memory_percent": None}, None),
    ({"assigned_peers": 9, "max_peers": 10}, None),
    ({"enabled": False}, "disabled"),
    ({"maintenance": True}, "maintenance"),
    ({"status": "unknown", "reported_at": None}, "never_reported"),
    ({"status": "identity_mismatch"}, "identity_mismatch"),
    ({"status": "degraded"}, "degraded"),
    ({"status": "offline"}, "offline"),
    ({"status": "stale"}, "offline"),
    ({"reported_at": None}, "report_too_old"),
    ({"assigned_peers": 10, "max_peers": 10}, "full"),
    ({"has_free_address": False}, "no_free_address"),
    ({"enabled": False, "maintenance": True, "status": "offline"}, "disabled"),
]


def ask(now: dt.datetime | None = None) -> tuple[bool, str | None]:
    """Return whether the only node is available, and what is in its way."""
    now = now or timezone.now()
    nodes = Node.objects.annotate(obstacle=obstacle(now, INTERVAL))
    return Node.objects.available(now, INTERVAL).exists(), nodes.get().obstacle


@pytest.mark.parametrize(("fields", "expected"), OBSTACLES, ids=[str(f) for f, _ in OBSTACLES])
def test_a_node_is_available_unless_something_is_in_its_way(fields, expected):
    make_online_node(**fields)
    assert ask() == (expected is None, expected)


def test_a_report_counts_while_it_is_younger_than_3_intervals():
    reported = ago(1)
    make_online_node(reported_at=reported)
    just_in_time = reported + 3 * INTERVAL - dt.timedelta(microseconds=1)
    assert ask(just_in_time) == (True, None)
    assert ask(reported + 3 * INTERVAL) == (False, "report_too_old")


def test_a_new_node_has_never_reported():
    make_node()
    assert ask() == (False, "never_reported")
