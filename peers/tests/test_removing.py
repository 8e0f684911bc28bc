"""Removing a peer: a tombstone until its node has confirmed; addresses rest, places are free."""

import datetime as dt

import pytest
from django.utils import timezone

from accounts.tests.builders import make_admin
from nodes.models import Node
from peers import removing
from peers.creation.creating import create
from peers.models import Address, Peer
from peers.tests.builders import make_interface, make_peer
from peers.tests.states import assert_state_is_that_of_its_rows

pytestmark = pytest.mark.django_db


def test_a_removed_peer_is_a_tombstone_without_secrets():
    peer = make_peer(private_key="k" * 44)
    removing.remove(None, peer)
    stone = Peer.objects.removed().get()
    assert (stone.present, stone.generation, stone.digest) == (False, 2, "")
    assert (stone.preshared_key, stone.private_key) == (None, None)
    assert_state_is_that_of_its_rows(peer.interface)


def test_its_place_is_free_at_once_and_its_addresses_rest(settings):
    settings.WGPANEL_ADDRESS_REST = dt.timedelta(minutes=10)
    make_interface()
    peer = create(None, name="laptop").peer
    removing.remove(None, peer)
    assert Node.objects.get().assigned_peers == 0
    rows = Address.objects.released()
    assert {row.rests_until - row.released_at for row in rows} == {dt.timedelta(minutes=10)}
    assert rows.count() == 2


def test_an_address_comes_back_when_it_has_rested_and_the_node_has_confirmed(settings):
    settings.WGPANEL_ADDRESS_REST = dt.timedelta()
    make_interface(pool_v4="192.0.2.0/27", pool_v6="")
    first = create(None, name="one").peer
    removing.remove(None, first)
    assert str(create(None, name="two").peer.addresses.get()) == "192.0.2.3"
    Peer.objects.removed().delete()
    assert str(create(None, name="three").peer.addresses.get()) == "192.0.2.2"


def test_removing_twice_is_removing_once():
    peer = make_peer()
    Node.objects.update(assigned_peers=5)
    for _ in range(2):
        removing.remove(None, peer)
    assert Node.objects.get().assigned_peers == 4
    peer.interface.refresh_from_db()
    assert peer.interface.desired_generation == 2


def test_a_peer_that_was_off_is_removed_with_a_generation_of_its_own():
    peer = make_peer(enabled=False)
    removing.remove(None, peer)
    assert Peer.objects.removed().get().generation == 2
    assert_state_is_that_of_its_rows(peer.interface)


def test_the_history_says_who_removed_it():
    peer, user = make_peer(name="laptop"), make_admin()
    removing.remove(user, peer)
    latest = peer.history.first()
    assert (latest.history_user, latest.removed_at is None, latest.name) == (user, False, "laptop")


def test_a_removed_peer_does_not_come_back_by_its_end():
    peer = make_peer(expires_at=timezone.now() + dt.timedelta(hours=1))
    removing.remove(None, peer)
    assert not Peer.objects.due(timezone.now() + dt.timedelta(days=1)).exists()
