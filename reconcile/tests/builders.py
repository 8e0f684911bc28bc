"""Interfaces whose hashes are true, for tests."""

from typing import Any

from django.db import transaction
from django.utils import timezone
from wgpanel_agent.documents import state_hash

from nodes.interfaces import Interface
from peers import desired
from peers.models import Peer
from peers.tests.builders import make_interface, make_peer


def make_new_interface(peers: int = 0, **fields: Any) -> Interface:
    """Save an interface that its node does not have yet."""
    unknown = {
        "observed_generation": 0,
        "observed_hash": "",
        "public_key": "",
        "condition": "pending",
    }
    interface = make_interface(**{**unknown, **fields})
    interface.desired_hash = state_hash(interface.part(), [])
    interface.save()
    add_peers(interface, peers)
    return fresh(interface)


def add_peers(interface: Interface, count: int, **fields: Any) -> list[Peer]:
    """Save peers and make them part of what is desired, in one generation."""
    peers = [make_peer(interface=interface, present=False, **fields) for _ in range(count)]
    edit(interface, *peers)
    return peers


def remove(interface: Interface, *peers: Peer) -> None:
    for peer in peers:
        peer.removed_at = timezone.now()
    edit(interface, *peers, fields=["removed_at"])


def edit(interface: Interface, *peers: Peer, fields: Any = ()) -> None:
    """Make what the saved peers are now desired."""
    with transaction.atomic():
        locked = desired.locked(interface.pk)
        desired.restamp(locked, list(peers), timezone.now(), fields=fields)


def change_settings(interface: Interface, **fields: Any) -> None:
    """Make other settings of the interface itself desired."""
    with transaction.atomic():
        locked = desired.locked(interface.pk)
        before = locked.part().digest()
        for name, value in fields.items():
            setattr(locked, name, value)
        locked.save(update_fields=[*fields])
        desired.raise_generation(locked, [locked.part().digest()], [before])


def fresh(interface: Interface) -> Interface:
    """Return it as the database has it now."""
    return Interface.objects.get(pk=interface.pk)
