"""Many who want a place at once: each on a connection of its own, as processes would be."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction
from django.db.models import F, Q, Sum

from nodes.models import Node
from nodes.tests.builders import make_group
from selection.decision import NoNodeAvailable
from selection.selector import release, reserve
from selection.tests.builders import make_idle_node

pytestmark = pytest.mark.django_db(transaction=True)
REFUSED = "refused"


def reserve_one(strategy: str = "auto", group: str | None = None) -> str:
    """Take one place in a transaction of its own; return the node's name, or REFUSED."""
    try:
        with transaction.atomic():
            return reserve(strategy, group).node
    except NoNodeAvailable:
        return REFUSED


def reserve_at_once(times: int, in_flight: int, **wish: str) -> Counter[str]:
    def act(_: int) -> str:
        try:
            return reserve_one(**wish)
        finally:
            connection.close()

    with ThreadPoolExecutor(in_flight) as threads:
        return Counter(threads.map(act, range(times)))


def make_three_equal_nodes() -> None:
    """Save what case 50 starts from: 10 of 100 places taken on each, and as many active peers."""
    for name in ("a", "b", "c"):
        make_idle_node(name=name, weight=100, active_peers=10, assigned_peers=10)


def assigned() -> list[int]:
    return list(Node.objects.order_by("name").values_list("assigned_peers", flat=True))


def test_500_who_want_100_places_get_exactly_those():
    group = make_group(name="eu")
    make_idle_node(name="small", group=group, max_peers=100, assigned_peers=60)
    make_idle_node(name="large", group=group, max_peers=300, assigned_peers=240)
    make_idle_node(name="elsewhere")
    got = reserve_at_once(500, in_flight=40, group="eu")
    assert got == {"small": 40, "large": 60, REFUSED: 400}
    assert not Node.objects.filter(Q(assigned_peers__gt=F("max_peers"))).exists()
    sums = Node.objects.aggregate(taken=Sum("assigned_peers"), recent=Sum("assigned_since_report"))
    assert sums == {"taken": 400, "recent": 100}


def test_a_burst_between_two_polls_spreads_evenly():
    for name in ("a", "b", "c"):
        make_idle_node(name=name, max_peers=250)
    reserve_at_once(300, in_flight=40)
    assert sum(assigned()) == 300
    assert max(assigned()) - min(assigned()) <= 2


def test_30_at_once_on_30_connections_spread_as_those_one_after_the_other():
    make_three_equal_nodes()
    reserve_at_once(30, in_flight=30)
    assert sum(assigned()) == 60
    assert all(19 <= count <= 21 for count in assigned())


def test_30_one_after_the_other_spread_evenly():
    make_three_equal_nodes()
    for _ in range(30):
        reserve_one()
    assert assigned() == [20, 20, 20]


def test_places_given_back_between_are_filled_again():
    make_three_equal_nodes()
    for _ in range(15):
        reserve_one()
    release(Node.objects.get(name="a").pk, 6)
    for _ in range(15):
        reserve_one()
    assert sum(assigned()) == 54
    assert all(17 <= count <= 19 for count in assigned())


def test_20_who_name_the_node_with_one_place_left_are_served_once():
    make_idle_node(name="nearly-full", assigned_peers=99)
    make_idle_node()
    got = reserve_at_once(20, in_flight=20, strategy="nearly-full")
    assert got == {"nearly-full": 1, REFUSED: 19}


def test_the_better_node_is_waited_for_rather_than_passed_over():
    make_idle_node(name="idle", max_peers=1000)
    make_idle_node(name="busy", max_peers=1000, active_peers=500)
    assert reserve_at_once(60, in_flight=30) == {"idle": 60}


def test_by_priority_the_groups_fill_one_after_the_other():
    make_idle_node(name="first", group=make_group(priority=2), max_peers=10)
    make_idle_node(name="second", group=make_group(priority=1), max_peers=10)
    got = reserve_at_once(25, in_flight=10, strategy="priority")
    assert got == {"first": 10, "second": 10, REFUSED: 5}
