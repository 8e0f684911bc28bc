"""The statements by hand ask for what the query set asks for, and are served by the indexes."""

import datetime as dt

import pytest
from django.db import connection
from django.utils import timezone

from nodes.models import Node, PollingPolicy
from nodes.tests.builders import make_group
from nodes.tests.test_availability import OBSTACLES
from selection import place_sql
from selection.tests.builders import make_idle_node
from selection.tests.fleet import make_many_nodes

pytestmark = pytest.mark.django_db
INTERVAL = dt.timedelta(seconds=15)


def fresh_after() -> dt.datetime:
    return timezone.now() - 3 * INTERVAL


def best(**among) -> list[str]:
    return [one.node for one in place_sql.best(fresh_after(), 10, **among)]


@pytest.mark.parametrize("fields", [fields for fields, _ in OBSTACLES], ids=str)
def test_by_hand_a_node_is_available_as_it_is_to_the_query_set(fields):
    node = make_idle_node(**fields)
    is_available = Node.objects.available(timezone.now(), INTERVAL).exists()
    (candidate,) = place_sql.best(fresh_after(), 1) or [None]
    assert (candidate is not None) == is_available
    assert not candidate or candidate.score.total == node.score == candidate.rank[0]


def test_the_interval_is_that_of_the_policy_or_its_default():
    assert place_sql.polling_interval() == PollingPolicy().interval
    PollingPolicy(interval_seconds=60).save()
    assert place_sql.polling_interval() == PollingPolicy.current().interval


def test_a_group_or_one_node_is_all_that_is_looked_at():
    group = make_group()
    make_idle_node(name="outside")
    node = make_idle_node(name="inside", group=group)
    assert (best(group=group.pk), best(node=node.pk)) == (["inside"], ["inside"])
    assert len(best()) == 2


def test_a_place_is_not_taken_on_a_node_that_became_worse_than_the_runner_up():
    make_idle_node(name="a")
    make_idle_node(name="b", active_peers=1)
    first, second = place_sql.best(fresh_after(), 2)
    assert place_sql.take(first, second, fresh_after())
    assert not place_sql.take(first, second, fresh_after())
    assert place_sql.take(first, None, fresh_after())


@pytest.mark.parametrize(
    ("field", "value"),
    [("maintenance", True), ("assigned_peers", 100), ("status", "offline"), ("reported_at", None)],
)
def test_a_place_is_not_taken_on_a_node_that_changed_since_it_was_seen(field, value):
    make_idle_node()
    (candidate,) = place_sql.best(fresh_after(), 1)
    Node.objects.update(**{field: value})
    assert not place_sql.take(candidate, None, fresh_after())


@pytest.fixture
def plans():
    """Return the plans of choosing among 100,000 nodes: of all, and of a group."""
    group = make_many_nodes(100_000, group=make_group()).group_id
    return [explain("", None), explain(place_sql.AMONG["group"], group)]


def explain(among: str, group) -> str:
    explained = {"sqlite": "EXPLAIN QUERY PLAN", "postgresql": "EXPLAIN"}[connection.vendor]
    parameters = {"limit": 10, "group": place_sql._key(group)}
    with connection.cursor() as cursor:
        sql = f"{explained} {place_sql.BEST.format(among=among)}"
        cursor.execute(sql, place_sql._with_time(parameters, fresh_after()))
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


def test_with_statistics_of_100000_nodes_the_indexes_give_the_order(plans):
    for plan, index in zip(plans, ["node_best", "node_best_of_group"], strict=True):
        assert index in plan.split()
        assert "sort" not in plan.lower()
        assert "temp b-tree" not in plan.lower()
