"""An operator chooses whose state holds."""

import uuid

import pytest
from wgpanel_agent.documents import PeerPart

from nodes.interfaces import Interface
from peers.models import Peer
from peers.tests.builders import make_key
from reconcile.decisions import conflicts
from reconcile.decisions.adopting import NotAdoptable
from reconcile.decisions.applying import PlanChanged
from reconcile.models import ReconcileRun
from reconcile.tests.builders import add_peers, edit, fresh
from reconcile.tests.contract_agent import ContractAgent
from reconcile.tests.pushing import make_in_sync, push, push_now

pytestmark = pytest.mark.django_db


def make_conflict(agent: ContractAgent, newer: int = 15, **fields) -> Interface:
    """The database comes from a backup: the node has peers that it does not know."""
    interface = make_in_sync(agent, peers=3)
    backup = fresh(interface)
    peers = add_peers(interface, newer, **fields)
    push(interface)
    Peer.objects.filter(pk__in=[peer.pk for peer in peers]).delete()
    generations = ("desired_generation", "observed_generation")
    hashes = ("desired_hash", "observed_hash")
    Interface.objects.update(**{it: getattr(backup, it) for it in (*generations, *hashes)})
    add_peers(interface, 1)  # at an address that the node has not given away
    interface.addresses.filter(peer=None).delete()
    interface = push(interface)
    assert interface.condition == "conflict"
    return interface


def test_the_operator_sees_what_either_choice_means(agent):
    interface = make_conflict(agent)
    standing = conflicts.inspect(interface)
    assert (len(standing.removals), len(standing.keyless)) == (15, 15)
    assert len(standing.keys("missing")) == 1
    assert standing.state.generation == 3


def test_the_panels_state_can_hold_in_a_new_epoch(agent):
    interface = make_conflict(agent)
    run = conflicts.keep_panels(None, interface, conflicts.inspect(interface).hash)
    after = push(interface)
    run.refresh_from_db()
    assert (after.condition, run.is_done, len(agent.held["wg0"].peers)) == ("in_sync", True, 4)
    assert after.epoch != interface.epoch
    assert agent.heard[-1][1]["confirm_removals"] == 15


def test_the_nodes_state_can_hold_and_removes_nobody(agent):
    interface = make_conflict(agent, preshared_key=None)
    conflicts.keep_nodes(None, interface, conflicts.inspect(interface).hash)
    after = push(interface)
    assert (after.condition, len(agent.held["wg0"].peers)) == ("in_sync", 18)
    assert Peer.objects.filter(present=True).count() == 18
    assert Peer.objects.filter(enabled=False).count() == 1


def test_a_node_that_changed_since_it_was_looked_at_is_not_taken_over(agent):
    interface = make_conflict(agent)
    seen = conflicts.inspect(interface).hash
    agent.held["wg0"].peers.popitem()
    with pytest.raises(PlanChanged):
        conflicts.keep_panels(None, interface, seen)
    assert fresh(interface).condition == "conflict"


def test_a_node_that_changed_after_the_choice_is_a_conflict_again(agent):
    interface = make_conflict(agent)
    conflicts.keep_panels(None, interface, conflicts.inspect(interface).hash)
    held = agent.held["wg0"]
    held.state = type(held.state)(str(uuid.uuid4()), 9, held.state.hash)
    assert push(interface).condition == "conflict"
    assert push_now(interface).condition == "conflict"
    assert len(held.peers) == 18


def test_a_choice_for_a_node_that_is_away_is_carried_out_later(agent):
    interface = make_conflict(agent)
    conflicts.keep_panels(None, interface, conflicts.inspect(interface).hash)
    assert fresh(interface).condition == "pending"
    assert push(interface).condition == "in_sync"


def test_another_choice_follows_the_one_before(agent):
    interface = make_conflict(agent, preshared_key=None)
    first = conflicts.keep_panels(None, interface, conflicts.inspect(interface).hash)
    conflicts.keep_nodes(None, interface, conflicts.inspect(interface).hash)
    first.refresh_from_db()
    assert first.is_done
    assert ReconcileRun.objects.filter(done_at=None).count() == 1
    assert push(interface).condition == "in_sync"
    assert len(agent.held["wg0"].peers) == 18


def test_a_peer_that_the_panel_cannot_have_stops_the_choice(agent):
    interface = make_conflict(agent)
    odd = PeerPart(make_key(), ("10.20.0.1/32",))
    agent.held["wg0"].running = agent.held["wg0"].peers | {odd.public_key: odd}
    with pytest.raises(NotAdoptable):
        conflicts.keep_nodes(None, interface, conflicts.inspect(interface).hash)
    assert fresh(interface).condition == "conflict"
    assert Peer.objects.count() == 4


def test_an_address_that_both_gave_away_stops_the_choice_by_name(agent):
    interface = make_conflict(agent, newer=1)
    (address,) = Peer.objects.order_by("created_at").last().addresses.filter(family=4)
    address.offset = 5
    address.save()
    edit(interface, Peer.objects.get(pk=address.peer_id))
    with pytest.raises(NotAdoptable, match="10.20.0.5 is in use"):
        conflicts.keep_nodes(None, interface, conflicts.inspect(interface).hash)


def test_edits_after_the_choice_travel_as_usual(agent):
    interface = make_conflict(agent)
    conflicts.keep_panels(None, interface, conflicts.inspect(interface).hash)
    push(interface)
    add_peers(interface, 1)
    assert push(interface).condition == "in_sync"
    assert agent.writes[-1] == "POST /v1/wg/wg0/peers"
