"""Of a mixed fleet the only node that may take a peer takes it; the others each have a reason."""

import pytest

from groups.models import NodeGroup
from nodes.models import Node
from nodes.tests.builders import make_group
from nodes.tests.polls import ago
from selection.decision import NodeRefused, NoNodeAvailable
from selection.selector import reserve
from selection.tests.builders import make_idle_node

pytestmark = pytest.mark.django_db
OTHERS = {
    "off-1": ({"status": "offline", "reported_at": ago(86400)}, "offline"),
    "stale-1": ({"reported_at": ago(900)}, "report_too_old"),
    "maint-1": ({"maintenance": True}, "maintenance"),
    "full-1": ({"assigned_peers": 100, "cpu_percent": 1}, "full"),
    "noip-1": ({"has_free_address": False}, "no_free_address"),
    "disabled-1": ({"enabled": False}, "disabled"),
    "other-1": ({"group": None}, "other_group"),
    "conflict-1": ({"status": "degraded"}, "degraded"),
    "new-1": ({"status": "unknown", "reported_at": None}, "never_reported"),
}


@pytest.fixture(autouse=True)
def fleet(db) -> NodeGroup:
    group = make_group(name="eu")
    make_idle_node(name="ok-1", group=group, active_peers=10, assigned_peers=10, weight=100)
    for name, (fields, _) in OTHERS.items():
        make_idle_node(**{"name": name, "group": group, "weight": 100, **fields})
    return group


def test_the_only_node_that_may_takes_every_peer():
    assert {reserve(group="eu").node for _ in range(5)} == {"ok-1"}


def test_without_it_the_refusal_gives_every_reason_and_nothing_is_taken():
    Node.objects.filter(name="ok-1").update(maintenance=True)
    with pytest.raises(NoNodeAvailable) as none:
        reserve(group="eu")
    reasons = {reason: 1 for _, reason in OTHERS.values()}
    assert none.value.exclusions == {**reasons, "maintenance": 2}
    assert not Node.objects.filter(assigned_since_report__gt=0).exists()


@pytest.mark.parametrize("name", OTHERS)
def test_each_of_the_others_is_refused_by_name_with_its_reason(name):
    with pytest.raises(NodeRefused) as refused:
        reserve(name, "eu")
    assert refused.value.reason == OTHERS[name][1]


def test_a_group_is_the_same_by_name_and_by_id_and_unknown_otherwise(fleet):
    assert reserve(group="eu").node == reserve(group=fleet.pk).node == "ok-1"
    with pytest.raises(NodeGroup.DoesNotExist):
        reserve(group="asia")
