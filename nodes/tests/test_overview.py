"""The fleet is counted by standing, in a number of queries that does not grow."""

import datetime as dt

import pytest
from django.utils import timezone

from nodes import overview
from nodes.models import Node, Status
from nodes.tests.builders import make_group, make_node, make_online_node

pytestmark = pytest.mark.django_db
INTERVAL = dt.timedelta(seconds=15)


def totals():
    return overview.totals(Node.objects.all(), INTERVAL, timezone.now())


def test_nodes_are_counted_by_standing():
    make_online_node()
    make_online_node(maintenance=True)
    make_node(status=Status.OFFLINE)
    make_online_node(enabled=False)
    found = totals()
    counts = {part.status: part.count for part in found.slices}
    assert counts == {Status.ONLINE: 2, Status.OFFLINE: 1, Status.UNKNOWN: 1}
    assert (found.nodes, found.maintenance, found.disabled, found.troubled) == (4, 1, 1, 1)


def test_only_peers_of_a_current_report_are_active():
    make_online_node(active_peers=7, max_peers=10)
    make_online_node(status=Status.OFFLINE, active_peers=99)
    assert (totals().active_peers, totals().max_peers) == (7, 10)


def test_a_node_that_nobody_asks_any_more_counts_as_stale():
    long_ago = timezone.now() - dt.timedelta(minutes=5)
    make_online_node(last_attempt_at=long_ago, next_poll_at=long_ago)
    assert [part.status for part in totals().slices] == [Status.STALE]


def test_an_empty_fleet_counts_to_zero():
    assert (totals().nodes, totals().slices, totals().active_peers) == (0, (), 0)


def test_the_fullest_reporting_node_is_the_busiest():
    make_online_node(name="half", active_peers=100, max_peers=200)
    make_online_node(name="full", active_peers=9, max_peers=10)
    make_online_node(name="dead", status=Status.OFFLINE, active_peers=10, max_peers=10)
    names = [node.name for node in overview.busiest(INTERVAL, timezone.now(), 5)]
    assert names == ["full", "half"]


def test_who_needs_attention_is_neither_well_nor_disabled():
    make_online_node()
    make_node(status=Status.OFFLINE, enabled=False)
    make_node(name="lost", status=Status.OFFLINE)
    make_node(name="fake", status=Status.IDENTITY_MISMATCH)
    found = overview.troubled(INTERVAL, timezone.now(), 5)
    assert {node.name for node in found} == {"lost", "fake"}


def test_groups_are_counted_by_one_query(django_assert_num_queries):
    full, empty = make_group(), make_group()
    make_online_node(group=full, active_peers=4)
    make_node(group=full)
    make_online_node()
    with django_assert_num_queries(1):
        found = overview.by_group([full.pk, empty.pk], INTERVAL, timezone.now())
    assert (found[full.pk].nodes, found[full.pk].active_peers, found[empty.pk].nodes) == (2, 4, 0)


def test_a_list_of_nodes_reads_neither_reports_nor_secrets():
    make_online_node()
    (node,) = overview.busiest(INTERVAL, timezone.now(), 1)
    assert {"health_json", "secret"} <= node.get_deferred_fields()
