"""Generation, hash and stamps move together, whatever changes."""

import datetime as dt
import random

import pytest
from celery import current_app
from django.utils import timezone
from wgpanel_agent.documents import state_hash

from nodes.models import Interface
from peers import desired
from peers.errors import PeerRefused
from peers.models import Peer
from peers.tests.builders import make_interface, make_key, make_peer

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)


def fresh_hash(interface: Interface) -> str:
    """The hash of what the rows say, counted anew."""
    peers = list(interface.peers.wanted(timezone.now()))
    return state_hash(interface.part(), [part for _, part in desired.parts(interface, peers)])


def restamp(interface: Interface, *peers: Peer, **options) -> int:
    locked = desired.locked(interface.pk)
    changed = desired.restamp(locked, peers, timezone.now(), **options)
    interface.refresh_from_db()
    return changed


def test_a_change_of_a_peer_raises_the_generation_and_moves_the_hash():
    peer = make_peer()
    interface, before = peer.interface, peer.digest
    peer.keepalive = 25
    assert restamp(interface, peer, fields=["keepalive"]) == 1
    saved = Peer.objects.get()
    assert (saved.keepalive, saved.generation, saved.present) == (25, 2, True)
    assert saved.digest != before
    assert (interface.desired_generation, interface.desired_hash) == (2, fresh_hash(interface))


def test_what_the_node_is_not_told_raises_no_generation():
    peer = make_peer()
    peer.name = "new name"
    assert restamp(peer.interface, peer, fields=["name"]) == 0
    assert Peer.objects.get().name == "new name"
    assert peer.interface.desired_generation == 1


@pytest.mark.parametrize("fields", [{"enabled": False}, {"expires_at": timezone.now() - HOUR}])
def test_a_peer_that_is_off_leaves_the_document_and_comes_back(fields):
    peer = make_peer()
    on = {name: getattr(peer, name) for name in fields}
    for values, present in ((fields, False), (on, True)):
        for name, value in values.items():
            setattr(peer, name, value)
        restamp(peer.interface, peer, fields=list(values))
        assert Peer.objects.get().present is present
        assert peer.interface.desired_hash == fresh_hash(peer.interface)
    assert Peer.objects.get().generation == 3


def test_a_tombstone_always_takes_a_generation_even_if_the_peer_was_off():
    peer = make_peer(enabled=False)
    peer.removed_at = timezone.now()
    assert restamp(peer.interface, peer, fields=["removed_at"]) == 1
    assert (Peer.objects.get().generation, Peer.objects.get().digest) == (2, "")


def test_many_peers_raise_the_generation_once():
    interface = make_interface()
    peers = [make_peer(interface=interface) for _ in range(3)]
    for peer in peers:
        peer.preshared_key = make_key()
    assert restamp(interface, *peers, fields=["preshared_key"]) == 3
    assert interface.desired_generation == 2
    assert interface.desired_hash == fresh_hash(interface)


def test_a_part_is_the_row_in_the_words_of_the_agent():
    ends = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
    interface = make_interface(pool_v4="192.0.2.0/27", pool_v6="2001:db8::/64")
    peer = make_peer(
        interface=interface, expires_at=ends, keepalive=0, routed_networks=["10.9.0.0/24"]
    )
    [(_, part)] = desired.parts(interface, [Peer.objects.get()])
    assert part.allowed_ips == ("10.9.0.0/24", "192.0.2.2/32", "2001:db8::2/128")
    assert (part.expires_at, part.keepalive) == (4102444800, None)
    assert part.preshared_key == peer.preshared_key.reveal()
    assert f"{part.digest():064x}" == peer.digest


@pytest.mark.parametrize("fields", [{"public_key": "short"}, {"routed_networks": ["10.0.0.1/24"]}])
def test_what_the_agent_would_refuse_never_becomes_desired(fields):
    peer = make_peer()
    for name, value in fields.items():
        setattr(peer, name, value)
    with pytest.raises(PeerRefused) as caught:
        restamp(peer.interface, peer, fields=list(fields))
    assert caught.value.field in fields
    assert Interface.objects.get().desired_generation == 1


def test_the_hint_is_sent_once_the_change_is_committed(
    django_capture_on_commit_callbacks, monkeypatch
):
    sent = []
    monkeypatch.setattr(current_app, "send_task", lambda *args, **kw: sent.append((args, kw)))
    peer = make_peer()
    peer.keepalive = 25
    with django_capture_on_commit_callbacks(execute=True):
        restamp(peer.interface, peer)
        assert sent == []
    [((task, arguments), options)] = sent
    assert (task, arguments) == ("reconcile.tasks.push", [str(peer.interface_id)])
    assert options == {"queue": "sync", "retry": False, "expires": 30}


@pytest.mark.parametrize("seed", range(4))
def test_the_hash_is_that_of_the_rows_after_any_changes(seed):
    chance = random.Random(seed)
    interface = make_interface()
    peers = [make_peer(interface=interface) for _ in range(6)]
    changes = {
        "enabled": lambda: chance.random() < 0.5,
        "keepalive": lambda: chance.choice([None, 0, 25]),
        "preshared_key": make_key,
        "routed_networks": lambda: chance.choice([[], ["10.9.0.0/24"]]),
        "expires_at": lambda: chance.choice([None, timezone.now() + HOUR, timezone.now() - HOUR]),
    }
    for _ in range(25):
        chosen = chance.sample(peers, chance.randint(1, 4))
        name = chance.choice(list(changes))
        for peer in chosen:
            setattr(peer, name, changes[name]())
        restamp(interface, *chosen, fields=[name])
        assert interface.desired_hash == fresh_hash(interface)
