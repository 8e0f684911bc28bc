"""Previewing and applying plans, with an agent that has what it was told and more."""

from dataclasses import replace

import pytest
from wgpanel_agent.documents import PeerPart

from nodes.interfaces import Interface
from peers.models import Peer
from peers.tests.builders import make_key
from reconcile.checks import checking
from reconcile.decisions import applying
from reconcile.decisions.adopting import NotAdoptable
from reconcile.decisions.applying import NothingKnown, PlanChanged
from reconcile.decisions.plans import Act, Flags
from reconcile.models import Drift, ReconcileRun
from reconcile.tests.builders import fresh
from reconcile.tests.pushing import make_in_sync, push

pytestmark = pytest.mark.django_db


def stranger(address: str = "10.20.0.99/32", **fields) -> PeerPart:
    return PeerPart(make_key(), (address,), **fields)


def run_instead(agent, *, drop: int = 0, add=(), change=None) -> None:
    """Let something else run than is desired."""
    held = agent.held["wg0"]
    peers = dict(list(held.peers.items())[drop:])
    if change:
        key = next(iter(peers))
        peers[key] = replace(peers[key], **change)
    held.running = peers | {peer.public_key: peer for peer in add}


def choose(interface: Interface, act: Act) -> dict[str, Act]:
    """The same act for everything that a check finds."""
    checking.check(interface)
    return {item.identity: act for item in checking.find(interface).items}


def apply(interface: Interface, choices) -> ReconcileRun | None:
    plan = applying.preview(interface, choices)
    return applying.apply(None, interface, choices, plan.hash)


def test_missing_and_mismatched_peers_are_told_again_by_a_delta(agent):
    interface = make_in_sync(agent)
    run_instead(agent, drop=1, change={"keepalive": 7})
    checking.check(interface)
    run = apply(interface, Flags())
    interface = push(interface)
    run.refresh_from_db()
    line, body, _ = agent.heard[-1]
    assert (line, len(body["upsert"])) == ("POST /v1/wg/wg0/peers", 2)
    assert (interface.condition, run.is_done) == ("in_sync", True)


def test_unknown_peers_stay_unless_they_are_to_go(agent):
    interface = make_in_sync(agent)
    run_instead(agent, add=[stranger()])
    checking.check(interface)
    assert not applying.preview(interface, Flags())
    assert applying.preview(interface, Flags(remove_unknown=True))


def test_unknown_peers_are_removed_by_their_keys(agent):
    interface = make_in_sync(agent)
    peer = stranger()
    run_instead(agent, add=[peer])
    apply(interface, choose(interface, Act.REVERT))
    push(interface)
    assert agent.heard[-1][1]["remove"] == [peer.public_key]
    assert agent.heard[-1][1]["upsert"] == []


def test_a_peer_that_was_created_meanwhile_is_not_removed(agent):
    interface = make_in_sync(agent)
    peer = stranger()
    run_instead(agent, add=[peer])
    choices = choose(interface, Act.REVERT)
    plan = applying.preview(interface, choices)
    Peer.objects.filter(pk=Peer.objects.first().pk).update(public_key=peer.public_key)
    applying.apply(None, interface, choices, plan.hash)
    assert peer.public_key in ReconcileRun.objects.get().removals
    push(interface)
    assert "remove" not in str(agent.heard[-1][0])


def test_a_setting_is_reverted_by_the_whole_document(agent):
    interface = make_in_sync(agent)
    agent.held["wg0"].told = {"listen_port": 1}
    checking.check(interface)
    apply(interface, Flags())
    push(interface)
    assert agent.writes[-1] == "PUT /v1/wg/wg0"


def test_a_decision_waits_for_a_node_that_is_away(agent):
    interface = make_in_sync(agent)
    run_instead(agent, drop=1)
    checking.check(interface)
    run = apply(interface, Flags())
    assert not run.is_done
    assert fresh(interface).desired_generation == interface.desired_generation + 1


def test_an_unknown_peer_is_adopted_with_its_address(agent):
    interface = make_in_sync(agent)
    peer = stranger(keepalive=25)
    run_instead(agent, add=[peer])
    apply(interface, choose(interface, Act.ADOPT))
    adopted = Peer.objects.get(public_key=peer.public_key)
    assert "10.20.0.99" in {str(it) for it in adopted.addresses.select_related("interface")}
    assert (adopted.keepalive, adopted.preshared_key) == (25, None)


def test_a_missing_peer_is_adopted_by_disabling_it(agent):
    interface = make_in_sync(agent, peers=2)
    run_instead(agent, drop=1)
    apply(interface, choose(interface, Act.ADOPT))
    assert Peer.objects.filter(enabled=False, present=False).count() == 1


@pytest.mark.parametrize(
    ("change", "attribute", "value"),
    [({"keepalive": 7}, "keepalive", 7)],
)
def test_a_mismatched_field_is_adopted(agent, change, attribute, value):
    interface = make_in_sync(agent, peers=1)
    run_instead(agent, change=change)
    apply(interface, choose(interface, Act.ADOPT))
    assert getattr(Peer.objects.get(), attribute) == value


def test_a_network_behind_a_peer_is_adopted(agent):
    interface = make_in_sync(agent, peers=1)
    (peer,) = agent.held["wg0"].peers.values()
    run_instead(agent, change={"allowed_ips": (*peer.allowed_ips, "192.0.2.0/24")})
    apply(interface, choose(interface, Act.ADOPT))
    assert Peer.objects.get().routed_networks == ["192.0.2.0/24"]


def test_a_port_is_adopted(agent):
    interface = make_in_sync(agent)
    agent.held["wg0"].told = {"listen_port": 51999}
    apply(interface, choose(interface, Act.ADOPT))
    assert fresh(interface).listen_port == 51999


@pytest.mark.parametrize(
    "change", [{"preshared_key": make_key()}, {"allowed_ips": ("10.20.9.9/32",)}]
)
def test_what_the_panel_cannot_have_is_refused_and_changes_nothing(agent, change):
    interface = make_in_sync(agent, peers=1)
    run_instead(agent, change=change, add=[stranger()])
    with pytest.raises(NotAdoptable):
        apply(interface, choose(interface, Act.ADOPT))
    assert Peer.objects.count() == 1


def test_a_public_key_of_the_node_is_not_adopted(agent):
    interface = make_in_sync(agent)
    agent.held["wg0"].told = {"public_key": make_key()}
    with pytest.raises(NotAdoptable):
        apply(interface, choose(interface, Act.ADOPT))


def test_a_stranger_with_nonsense_for_a_key_is_not_adopted(agent):
    interface = make_in_sync(agent)
    run_instead(agent, add=[replace(stranger(), public_key="x'; DROP TABLE")])
    with pytest.raises(NotAdoptable):
        apply(interface, choose(interface, Act.ADOPT))


def test_ignored_differences_are_no_drift_any_more(agent):
    interface = make_in_sync(agent)
    run_instead(agent, add=[stranger()])
    assert apply(interface, choose(interface, Act.IGNORE)) is None
    assert Drift.objects.get().state == "in_sync"
    assert checking.check(interface).state == "in_sync"
    assert len(agent.heard) == 1


def test_a_plan_that_has_changed_is_not_applied(agent):
    interface = make_in_sync(agent)
    run_instead(agent, drop=1)
    checking.check(interface)
    seen = applying.preview(interface, Flags()).hash
    run_instead(agent, drop=2)
    checking.check(interface)
    with pytest.raises(PlanChanged):
        applying.apply(None, interface, Flags(), seen)
    assert fresh(interface).desired_generation == interface.desired_generation


def test_nothing_is_planned_where_nothing_is_known(agent):
    interface = make_in_sync(agent)
    with pytest.raises(NothingKnown):
        applying.preview(interface, Flags())
    Drift.objects.create(interface=interface, state="unknown", reason="no answer")
    with pytest.raises(NothingKnown, match="no answer"):
        applying.preview(interface, Flags())


def test_many_interfaces_are_planned_and_applied_together(start_agent):
    agents = [start_agent(), start_agent()]
    interfaces = [make_in_sync(agent, peers=2) for agent in agents]
    for agent in agents:
        run_instead(agent, drop=1)
    for interface in interfaces:
        checking.check(interface)
    plan = applying.preview_many(interfaces, Flags())
    outcome = applying.apply_many(None, interfaces, Flags(), plan.hash)
    assert (len(plan.plans), len(outcome.runs), outcome.failed) == (2, 2, {})


def test_one_of_many_of_which_nothing_is_known_is_named(agent):
    interface = make_in_sync(agent)
    plan = applying.preview_many([interface], Flags())
    assert (plan.plans, [*plan.unknown]) == ((), [interface.pk])


def test_many_are_not_applied_when_one_has_changed(agent):
    interface = make_in_sync(agent)
    run_instead(agent, drop=1)
    checking.check(interface)
    with pytest.raises(PlanChanged):
        applying.apply_many(None, [interface], Flags(), "another hash")
