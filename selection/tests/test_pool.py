"""Named nodes, groups and priorities: among which nodes is chosen, and what is refused."""

import pytest

from groups.models import NodeGroup
from nodes.models import Node
from nodes.tests.builders import make_group
from nodes.tests.polls import ago
from selection.decision import NodeRefused, NoNodeAvailable
from selection.selector import reserve, select_node
from selection.tests.builders import make_idle_node

pytestmark = pytest.mark.django_db
UNKNOWN_ID = "5ae15bcd-7a9b-4f7c-9f0a-0d0a0f1f2a3b"


@pytest.mark.parametrize("reference", ["name", "pk"])
def test_a_named_node_is_taken_whatever_its_score(reference):
    make_idle_node()
    named = make_idle_node(active_peers=90)
    assert reserve(getattr(named, reference)).node_id == named.pk


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"enabled": False}, "disabled"),
        ({"maintenance": True}, "maintenance"),
        ({"status": "offline"}, "offline"),
        ({"reported_at": ago(3600)}, "report_too_old"),
        ({"assigned_peers": 100}, "full"),
        ({"has_free_address": False}, "no_free_address"),
    ],
)
def test_a_named_node_that_cannot_serve_is_refused_and_never_replaced(fields, reason):
    make_idle_node()
    named = make_idle_node(**fields)
    for act in (select_node, reserve):
        with pytest.raises(NodeRefused) as refused:
            act(named.name)
        assert (refused.value.reason, refused.value.exclusions) == (reason, {reason: 1})
    assert Node.objects.filter(assigned_since_report__gt=0).count() == 0


@pytest.mark.parametrize("name", ["nobody", UNKNOWN_ID, "", "\0", "a" * 500], ids=ascii)
def test_a_named_node_that_is_not_there_is_refused(name):
    make_idle_node()
    with pytest.raises(NodeRefused) as refused:
        select_node(name)
    assert refused.value.reason == "missing"


def test_a_named_node_outside_the_group_is_refused():
    group = make_group()
    make_idle_node(group=group)
    for elsewhere in (make_idle_node(), make_idle_node(group=make_group())):
        with pytest.raises(NodeRefused) as refused:
            reserve(elsewhere.name, group)
        assert refused.value.reason == "other_group"


def test_a_node_that_is_called_like_a_strategy_is_named_by_its_id():
    make_idle_node(name="best")
    node = make_idle_node(name="auto", active_peers=50)
    assert select_node("auto").node == "best"
    assert select_node(node.pk).node == "auto"


@pytest.mark.parametrize("of", [lambda group: group, lambda group: group.name, lambda g: str(g.pk)])
def test_a_group_is_given_by_id_or_by_name(of):
    group = make_group(name="Europe")
    make_idle_node()
    node = make_idle_node(group=group, active_peers=50)
    decision = select_node(group=of(group))
    assert (decision.node_id, decision.group) == (node.pk, "Europe")


@pytest.mark.parametrize("unknown", ["asia", "", UNKNOWN_ID])
def test_an_unknown_group_is_no_missing_filter(unknown):
    make_idle_node()
    with pytest.raises(NodeGroup.DoesNotExist):
        select_node(group=unknown)


def test_by_priority_the_first_group_with_a_candidate_takes_the_peer():
    first, second = make_group(name="near", priority=10), make_group(name="far", priority=5)
    make_group(priority=20)
    make_idle_node()
    make_idle_node(group=second)
    busy = make_idle_node(group=first, active_peers=90, max_peers=91, assigned_peers=90)
    decision = reserve("priority")
    assert (decision.node_id, decision.group) == (busy.pk, "near")
    assert reserve("priority").group == "far"
    assert select_node("auto").group is None


def test_groups_of_one_priority_compete_by_score():
    for peers in (20, 10):
        make_idle_node(group=make_group(priority=7), active_peers=peers)
    assert [one.load.peers for one in select_node("priority").candidates] == [10, 20]


def test_by_priority_inside_a_group_is_like_the_score():
    group = make_group(name="far")
    make_idle_node(group=make_group(priority=10))
    node = make_idle_node(group=group)
    assert select_node("priority", "far").node_id == node.pk


def test_a_node_without_a_group_takes_nothing_by_priority():
    make_idle_node()
    with pytest.raises(NoNodeAvailable) as none:
        reserve("priority")
    assert none.value.exclusions == {"no_group": 1}
