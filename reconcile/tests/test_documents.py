"""What is read out of the rows for a node, and what is never read out of them."""

import datetime as dt

import pytest
from django.db.models import F
from django.utils import timezone
from wgpanel_agent.documents import PeerPart, state_hash

from keyring.sealing import seal
from peers import desired
from peers.models import Address, Peer
from reconcile import documents
from reconcile.tests.builders import add_peers, edit, fresh, make_new_interface

pytestmark = pytest.mark.django_db


def make_mixed_interface():
    """Peers with each kind of field, with one address, two and none; some of them are off."""
    interface = make_new_interface(2)
    later = timezone.now() + dt.timedelta(days=1, microseconds=7)
    [routed, *_] = add_peers(interface, 2, keepalive=25, expires_at=later)
    routed.routed_networks = ["192.0.2.0/24", "10.250.0.0/16"]
    edit(interface, routed, fields=["routed_networks"])
    [bare] = add_peers(interface, 1, preshared_key=None)
    Address.objects.filter(peer=bare).delete()
    edit(interface, bare)
    add_peers(interface, 1, enabled=False)
    return fresh(interface)


def parts_of_instances(interface) -> list[PeerPart]:
    """The long way round: a model instance for each peer."""
    return [part for _, part in desired.parts(interface, Peer.objects.in_document())]


def by_key(parts) -> list[PeerPart]:
    return sorted(parts, key=lambda part: part.public_key)


def test_rows_say_what_the_peers_themselves_say():
    interface = make_mixed_interface()
    reading, parts = documents.whole(interface.pk), parts_of_instances(interface)
    assert by_key(reading.peers) == by_key(parts)
    assert state_hash(interface.part(), parts) == reading.state.hash == interface.desired_hash


def test_each_text_is_the_canonical_one_of_its_peer():
    reading = documents.whole(make_mixed_interface().pk)
    assert reading.texts == [peer.canonical() for peer in reading.peers]
    assert reading.digests == [peer.digest() for peer in reading.peers]


def test_a_peer_that_was_edited_behind_the_panel_is_not_rendered():
    interface = make_new_interface(2)
    Peer.objects.filter(pk=Peer.objects.first().pk).update(keepalive=7)
    with pytest.raises(documents.NotRendered, match="is not what its digest says"):
        documents.whole(interface.pk)


def test_an_address_that_was_moved_behind_the_panel_is_not_rendered():
    interface = make_new_interface(2)
    Address.objects.update(offset=F("offset") + 100)
    with pytest.raises(documents.NotRendered, match="is not what its digest says"):
        documents.whole(interface.pk)


def test_a_peer_that_vanished_behind_the_panel_is_missed():
    interface = make_new_interface(2)
    Peer.objects.first().delete()
    with pytest.raises(documents.NotRendered, match="do not add up"):
        documents.whole(interface.pk)


def test_a_preshared_key_of_another_row_is_not_rendered():
    interface = make_new_interface(1)
    stolen = documents.PRESHARED_KEY.stored(seal("x", "peers_peer|preshared_key|1"))
    Peer.objects.update(preshared_key=stolen)
    with pytest.raises(documents.NotRendered, match="SecretLocked"):
        documents.whole(interface.pk)
