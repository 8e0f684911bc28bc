"""Changing a peer: what its node is told, why it is off, and who changed it."""

import datetime as dt

import pytest
from django.utils import timezone
from wgpanel_agent import grammar

from accounts.tests.builders import make_admin
from nodes.models import Interface
from peers import changing
from peers.errors import PeerRefused
from peers.models import Peer
from peers.tests.builders import make_interface, make_key, make_peer
from peers.tests.states import assert_state_is_that_of_its_rows

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)


def later() -> dt.datetime:
    return timezone.now() + HOUR


def expire(peer: Peer) -> None:
    """Let the end of a peer pass, as a clock would."""
    Peer.objects.filter(pk=peer.pk).update(expires_at=timezone.now() - HOUR)


@pytest.mark.parametrize(
    ("fields", "generation"),
    [
        ({"name": "phone"}, 1),
        ({"tags": ["b", "a", "b"]}, 1),
        ({"notes": "two\nlines"}, 1),
        ({"keepalive": 25}, 2),
        ({"routed_networks": ["192.168.7.0/24"]}, 2),
        ({"expires_at": dt.datetime(2100, 1, 1, tzinfo=dt.UTC)}, 2),
        ({"enabled": False}, 2),
    ],
)
def test_only_what_the_node_is_told_raises_the_generation(fields, generation):
    peer = make_peer()
    changing.change(None, peer, **fields)
    assert Interface.objects.get().desired_generation == generation
    assert_state_is_that_of_its_rows(peer.interface)


def test_a_changed_peer_is_returned_as_it_is_stored():
    peer = changing.change(None, make_peer(), tags=["b", "a"], keepalive=0, name="phone")
    stored = Peer.objects.get()
    assert (peer.tags, peer.keepalive, peer.name) == (["a", "b"], None, "phone")
    assert (stored.tags, stored.keepalive, stored.name) == (["a", "b"], None, "phone")
    assert stored.updated_at == peer.updated_at > stored.created_at


def test_the_history_says_who_changed_what():
    peer, user = make_peer(name="laptop"), make_admin()
    changing.change(user, peer, name="phone")
    latest = peer.history.first()
    assert (latest.history_type, latest.history_user, latest.name) == ("~", user, "phone")


def test_what_is_already_so_is_not_remembered_as_a_change():
    peer = make_peer(name="laptop")
    changing.change(None, peer, name="laptop", enabled=True)
    assert peer.history.count() == 1


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "a\u202eb"}, "name"),
        ({"name": ""}, "name"),
        ({"tags": [""]}, "tags"),
        ({"notes": 7}, "notes"),
        ({"keepalive": -1}, "keepalive"),
        ({"routed_networks": ["10.20.7.0/24"]}, "routed_networks"),
        ({"expires_at": dt.datetime(2100, 1, 1)}, "expires_at"),  # noqa: DTZ001
        ({"expires_at": dt.datetime(2020, 1, 1, tzinfo=dt.UTC)}, "expires_at"),
        ({"expires_at": dt.datetime(9999, 12, 31, tzinfo=dt.UTC)}, "expires_at"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(fields, field):
    peer = make_peer(name="laptop")
    with pytest.raises(PeerRefused) as caught:
        changing.change(None, peer, **fields)
    assert caught.value.field == field
    assert Interface.objects.get().desired_generation == 1
    assert Peer.objects.get().name == "laptop"


@pytest.mark.parametrize("field", ["public_key", "generation", "interface", "present", "decision"])
def test_what_is_the_panels_own_is_not_for_callers(field):
    with pytest.raises(ValueError, match=field):
        changing.change(None, make_peer(), **{field: None})


def test_a_removed_peer_cannot_be_changed():
    peer = make_peer(removed_at=timezone.now())
    with pytest.raises(Peer.DoesNotExist):
        changing.change(None, peer, name="phone")


def test_an_expired_peer_can_be_renamed_without_another_end():
    peer = make_peer(expires_at=timezone.now() - HOUR)
    assert changing.change(None, peer, name="phone", expires_at=peer.expires_at).name == "phone"


def test_the_reasons_for_being_off_are_separate():
    peer = make_peer(expires_at=later())
    expire(peer)
    with pytest.raises(PeerRefused, match=r"expired at .* later end"):
        changing.enable(None, peer)
    assert changing.change(None, peer, expires_at=later()).present
    assert not changing.disable(None, peer).present
    assert not changing.change(None, peer, expires_at=later() + HOUR).present
    peer = changing.enable(None, peer)
    assert (peer.present, peer.reasons_off(timezone.now())) == (True, [])
    assert_state_is_that_of_its_rows(peer.interface)


def test_enabling_and_a_later_end_may_come_together():
    peer = make_peer(enabled=False, expires_at=timezone.now() - HOUR)
    assert changing.change(None, peer, enabled=True, expires_at=later()).present
    with pytest.raises(PeerRefused):
        changing.change(None, make_peer(enabled=False, expires_at=peer.created_at), enabled=True)


def test_switching_changes_neither_traffic_nor_the_end():
    end = later().replace(microsecond=0)
    peer = make_peer(expires_at=end, rx_bytes=7, tx_bytes=8)
    changing.disable(None, peer)
    changing.enable(None, peer)
    stored = Peer.objects.get()
    assert (stored.rx_bytes, stored.tx_bytes, stored.expires_at) == (7, 8, end)


def test_a_new_preshared_key_is_told_to_the_node_and_makes_the_file_outdated():
    peer = make_peer()
    before = peer.preshared_key.reveal()
    changing.rotate_preshared_key(None, peer)
    stored = Peer.objects.get()
    assert grammar.preshared_key(stored.preshared_key.reveal()) != before
    assert (stored.generation, stored.client_fingerprint != "") == (2, True)
    assert_state_is_that_of_its_rows(peer.interface)


def test_a_new_public_key_leaves_a_tombstone_for_the_old_one():
    peer, key = make_peer(private_key=make_key()), make_key()
    old = peer.public_key
    changing.set_public_key(peer, key)
    stored, tombstone = Peer.objects.existing().get(), Peer.objects.removed().get()
    assert (stored.pk, stored.public_key, stored.private_key) == (peer.pk, key, None)
    assert (tombstone.public_key, tombstone.present, tombstone.generation) == (old, False, 2)
    assert_state_is_that_of_its_rows(peer.interface)


def test_a_new_public_key_of_a_disabled_peer_changes_what_is_desired_once_it_is_enabled():
    peer, key = make_peer(enabled=False), make_key()
    changing.set_public_key(peer, key)
    changing.enable(None, peer)
    assert_state_is_that_of_its_rows(peer.interface)


@pytest.mark.parametrize("whose", ["interface", "neighbour", "nobody"])
def test_a_public_key_that_cannot_be_is_refused(whose):
    interface = make_interface()
    peer, neighbour = make_peer(interface=interface), make_peer(interface=interface)
    keys = {"interface": interface.public_key, "neighbour": neighbour.public_key}
    with pytest.raises(PeerRefused) as caught:
        changing.set_public_key(peer, keys.get(whose, "A" * 43 + "="))
    assert caught.value.field == "public_key"
    assert Peer.objects.count() == 2
