"""From what is desired to what the node has confirmed, over a real socket."""

import pytest
from wgpanel_agent.http import HttpError

from peers.models import Address, Peer
from peers.tests.builders import make_key
from reconcile.pushing import asking
from reconcile.tests.builders import (
    add_peers,
    change_settings,
    make_new_interface,
    remove,
)
from reconcile.tests.pushing import make_in_sync, push, push_now

pytestmark = pytest.mark.django_db


def test_a_new_interface_is_created_on_its_node(agent):
    interface = push(make_new_interface(peers=2, node=agent.node()))
    held = agent.held[interface.name]
    assert (agent.writes, agent.heard[0][2]) == ([f"PUT /v1/wg/{interface.name}"], '"none"')
    assert {*held.peers} == {peer.public_key for peer in Peer.objects.all()}
    assert (interface.condition, interface.observed_hash) == ("in_sync", interface.desired_hash)


def test_the_key_that_the_node_made_is_stored(agent):
    interface = make_in_sync(agent)
    assert interface.public_key == agent.held[interface.name].public_key


def test_whoever_holds_a_file_with_another_key_needs_a_new_one(agent):
    interface = make_in_sync(agent)
    before = interface.client_fingerprint
    agent.held["wg0"].public_key = make_key()
    add_peers(interface, 1)
    assert before != push(interface).client_fingerprint


def test_what_is_in_sync_is_not_told_again(agent):
    push(make_in_sync(agent))
    assert len(agent.heard) == 1


def test_one_new_peer_travels_alone(agent):
    interface = make_in_sync(agent)
    (peer,) = add_peers(interface, 1)
    interface = push(interface)
    line, body, _ = agent.heard[1]
    assert line == f"POST /v1/wg/{interface.name}/peers"
    assert [it["public_key"] for it in body["upsert"]] == [peer.public_key]
    assert interface.observed_generation == interface.desired_generation


def test_a_removed_peer_goes_and_its_address_may_be_given_again(agent):
    interface = make_in_sync(agent)
    gone = Peer.objects.first()
    remove(interface, gone)
    push(interface)
    assert gone.public_key not in agent.held[interface.name].peers
    assert not Peer.objects.filter(pk=gone.pk).exists()
    assert Address.objects.filter(peer=None).count() == 2


def test_a_tombstone_stays_until_the_node_confirms(agent):
    interface = make_in_sync(agent)
    gone = Peer.objects.first()
    agent.fault = HttpError(503, "busy", "Later.")
    remove(interface, gone)
    push(interface)
    assert Peer.objects.filter(pk=gone.pk).exists()


def test_more_than_500_changes_travel_as_the_whole_document(agent, monkeypatch):
    monkeypatch.setattr("reconcile.pushing.delivery.MOST_CHANGES", 4)
    interface = make_in_sync(agent)
    add_peers(interface, 5)
    push(interface)
    assert agent.writes[1:] == [f"PUT /v1/wg/{interface.name}"]


def test_many_edits_are_one_message(agent):
    interface = make_in_sync(agent)
    for _ in range(5):
        add_peers(interface, 1)
    push(interface)
    assert len(agent.heard) == 2


def test_a_lost_answer_is_told_again_and_changes_nothing(agent):
    interface = make_new_interface(2, node=agent.node())
    agent.loses_answers = True
    assert push(interface).condition == "incomplete"
    agent.loses_answers = False
    assert push_now(interface).condition == "in_sync"


def test_edits_after_a_lost_answer_travel_on_the_state_that_the_node_told(agent):
    interface = make_new_interface(2, node=agent.node())
    agent.loses_answers = True
    push(interface)
    agent.loses_answers = False
    add_peers(interface, 1)
    assert push_now(interface).condition == "in_sync"
    assert agent.heard[-1][2].startswith(f'"{interface.epoch}:2:')


def test_a_delta_that_does_not_fit_is_followed_by_the_whole_document(agent):
    interface = make_in_sync(agent)
    agent.held[interface.name].peers.popitem()
    add_peers(interface, 1)
    assert push(interface).condition == "in_sync"
    assert agent.writes[1:] == [
        f"POST /v1/wg/{interface.name}/peers",
        f"PUT /v1/wg/{interface.name}",
    ]


def test_settings_travel_whole(agent):
    interface = make_in_sync(agent)
    change_settings(interface, listen_port=51999)
    push(interface)
    assert agent.held[interface.name].part.listen_port == 51999


def test_an_edit_during_the_push_is_pushed_by_the_same_worker(agent, monkeypatch):
    interface = make_in_sync(agent)
    add_peers(interface, 1)
    edit_during_the_first_call(monkeypatch, lambda: add_peers(interface, 1))
    assert push(interface).condition == "in_sync"
    assert len(agent.heard) == 3


def edit_during_the_first_call(monkeypatch, act) -> None:
    tell, waiting = asking.tell, [act]

    def tell_late(*args, **parts):
        if waiting:
            waiting.pop()()
        return tell(*args, **parts)

    monkeypatch.setattr(asking, "tell", tell_late)
