"""Which node is chosen, and the place that is taken there."""

import pytest
from django.db import IntegrityError, transaction
from django.db.transaction import TransactionManagementError

from nodes.models import Node
from nodes.tests.builders import make_group, make_node
from nodes.tests.polls import ago
from selection.decision import NoNodeAvailable
from selection.selector import release, reserve, select_node
from selection.tests.builders import make_idle_node

pytestmark = pytest.mark.django_db


def make_example() -> None:
    """Save the three nodes of the reference's example."""
    for name, peers, cpu, memory in [("A", 40, 85, 60), ("B", 50, 30, 45), ("C", 30, 50, 75)]:
        make_idle_node(name=name, active_peers=peers, cpu_percent=cpu, memory_percent=memory)


def test_the_example_of_the_reference_is_ranked_by_its_own_table():
    make_example()
    ranked = [(one.node, round(one.score.total, 12)) for one in select_node().candidates]
    assert sorted(ranked) == [("A", 0.95), ("B", 0.5), ("C", 0.5)]
    assert ranked[-1][0] == "A"


@pytest.mark.parametrize(("assigned", "chosen"), [((1, 0), "beta"), ((0, 0), "alpha")])
def test_a_tie_goes_to_fewer_assigned_peers_then_to_the_name(assigned, chosen):
    for name, count in zip(("alpha", "beta"), assigned, strict=True):
        make_idle_node(name=name, assigned_peers=count)
    assert select_node().node == chosen


@pytest.mark.parametrize(
    "fields",
    [
        {"reported_at": ago(3600)},
        {"status": "offline"},
        {"enabled": False},
        {"maintenance": True},
        {"assigned_peers": 100},
        {"has_free_address": False},
    ],
    ids=["silent", "offline", "disabled", "maintenance", "full", "no free address"],
)
def test_a_node_that_cannot_serve_is_never_chosen_though_it_is_the_idlest(fields):
    busy = make_idle_node(active_peers=99, assigned_peers=99, cpu_percent=99, memory_percent=99)
    make_idle_node(cpu_percent=0, memory_percent=0, **fields)
    assert select_node().node_id == reserve().node_id == busy.pk
    with pytest.raises(NoNodeAvailable):
        reserve()


def test_a_report_without_cpu_and_memory_still_competes():
    make_idle_node(cpu_percent=50)
    silent_on_load = make_idle_node(cpu_percent=None, memory_percent=None)
    assert select_node().node_id == silent_on_load.pk


def test_choosing_takes_no_place_and_reserving_takes_one():
    node = make_idle_node()
    select_node()
    reserve()
    node.refresh_from_db()
    assert (node.assigned_peers, node.assigned_since_report, node.score) == (1, 1, 0.01)


def test_the_decision_shows_the_counts_it_used():
    node = make_idle_node(active_peers=7, assigned_peers=9, assigned_since_report=2)
    (candidate,) = reserve().candidates
    assert (candidate.node_id, candidate.load.peers, candidate.assigned_peers) == (node.pk, 9, 9)


def test_a_decision_names_ten_candidates_best_first():
    for peers in range(12):
        make_idle_node(active_peers=peers)
    assert [one.load.peers for one in select_node().candidates] == list(range(10))


@pytest.mark.django_db(transaction=True)
def test_a_place_is_taken_only_in_the_transaction_that_uses_it():
    make_idle_node()
    with pytest.raises(TransactionManagementError):
        reserve()
    assert Node.objects.get().assigned_peers == 0


def test_a_transaction_that_fails_gives_its_place_back():
    node = make_idle_node()

    @transaction.atomic
    def fail() -> None:
        reserve()
        make_node(name=node.name)

    with pytest.raises(IntegrityError):
        fail()
    assert Node.objects.get().assigned_peers == 0


def test_a_released_place_can_be_taken_again():
    node = make_idle_node(max_peers=1)
    reserve()
    release(node.pk)
    assert reserve().node_id == node.pk


def test_releasing_never_counts_below_zero():
    node = make_idle_node(assigned_peers=5, assigned_since_report=2)
    release(node.pk, 3)
    node.refresh_from_db()
    assert (node.assigned_peers, node.assigned_since_report) == (2, 0)
    release(node.pk, 3)
    node.refresh_from_db()
    assert node.assigned_peers == 0


def test_a_refusal_counts_the_nodes_by_what_is_in_their_way():
    group = make_group()
    for fields in ({"enabled": False}, {"status": "offline"}, {"status": "offline"}):
        make_idle_node(group=group, **fields)
    make_idle_node()
    with pytest.raises(NoNodeAvailable) as none:
        reserve(group=group)
    assert list(none.value.exclusions.items()) == [
        ("offline", 2),
        ("disabled", 1),
        ("other_group", 1),
    ]
    assert "2 offline, 1 disabled, 1 not in the group" in str(none.value)


def test_an_empty_fleet_is_refused_in_words():
    with pytest.raises(NoNodeAvailable, match="No node can take a peer: there is none"):
        select_node()


def test_the_number_of_queries_does_not_grow_with_the_fleet(django_assert_num_queries):
    for _ in range(30):
        make_idle_node()
    with django_assert_num_queries(2):  # the policy, the candidates
        select_node()
    with django_assert_num_queries(5):  # and a savepoint around the update
        reserve()


def test_weight_2_takes_twice_as_many():
    strong = make_idle_node(weight=2, max_peers=1000)
    make_idle_node(max_peers=1000)
    chosen = [reserve().node_id for _ in range(30)]
    assert chosen.count(strong.pk) == 20
