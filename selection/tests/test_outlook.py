"""Where the next peers would go, and that they do go there."""

import pytest

from nodes.models import Node
from nodes.tests.builders import make_group
from selection.decision import NodeRefused
from selection.outlook import where_next
from selection.selector import reserve
from selection.tests.builders import make_idle_node

pytestmark = pytest.mark.django_db


def shares(*args, **wish) -> dict[str, int]:
    return {share.candidate.node: share.places for share in where_next(*args, **wish).shares}


def make_uneven_nodes() -> None:
    for name, peers, weight in [("a", 0, 1), ("b", 5, 1), ("c", 20, 2), ("d", 3, 0.5)]:
        make_idle_node(name=name, active_peers=peers, assigned_peers=peers, weight=weight)


@pytest.mark.parametrize("strategy", ["auto", "priority", "b"])
def test_the_next_peers_go_where_it_was_said(strategy):
    make_uneven_nodes()
    make_idle_node(name="e", max_peers=7, group=make_group(priority=3))
    make_idle_node(name="f", group=make_group(priority=1))
    foretold = shares(20, strategy=strategy)
    taken = [reserve(strategy).node for _ in range(20)]
    assert foretold == {name: taken.count(name) for name in taken}


def test_nothing_is_taken_by_looking():
    make_uneven_nodes()
    where_next(50)
    assert not Node.objects.filter(assigned_since_report__gt=0).exists()


def test_peers_that_find_no_room_are_counted():
    make_idle_node(name="a", max_peers=3)
    make_idle_node(name="b", max_peers=10, assigned_peers=9)
    outlook = where_next(10)
    assert (shares(10), outlook.unplaced) == ({"a": 3, "b": 1}, 6)


def test_by_priority_the_next_group_follows_when_the_first_is_full():
    make_idle_node(name="near", max_peers=2, group=make_group(priority=2))
    make_idle_node(name="far", group=make_group(priority=1))
    assert shares(5, strategy="priority") == {"near": 2, "far": 3}


def test_of_a_group_only_its_nodes_are_looked_at():
    make_idle_node()
    make_idle_node(name="inside", active_peers=50, group=make_group(name="eu"))
    assert shares(5, "eu") == {"inside": 5}


def test_a_node_that_may_take_nothing_has_no_share():
    make_idle_node(name="away", maintenance=True)
    assert (where_next(3).shares, where_next(3, strategy="away").unplaced) == ((), 3)


def test_a_node_that_is_not_there_is_refused():
    with pytest.raises(NodeRefused):
        where_next(1, strategy="nobody")


def test_a_share_shows_the_node_as_it_is_now():
    make_idle_node(active_peers=40, cpu_percent=85, memory_percent=60)
    (share,) = where_next(5).shares
    assert (share.places, share.candidate.load.peers) == (5, 40)


@pytest.mark.parametrize("n", [-1, 1001])
def test_a_number_out_of_reach_is_refused(n):
    with pytest.raises(ValueError, match="0 to 1000"):
        where_next(n)


def test_the_number_of_queries_does_not_grow_with_the_peers(django_assert_num_queries):
    make_uneven_nodes()
    with django_assert_num_queries(2):
        where_next(200)
