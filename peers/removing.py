"""Remove peers: tombstones until the node has confirmed, places free at once, addresses rest."""

import datetime as dt
from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from accounts.actor import Actor
from nodes.models import Interface
from peers import desired
from peers.changing import store
from peers.models import Peer
from peers.pools import addresses
from selection import selector


@transaction.atomic
def remove(user: Actor, peer: Peer) -> None:
    """Remove a peer; one that is removed already stays so."""
    interface = desired.locked_with_node(peer.interface_id)
    present = Peer.objects.existing().filter(pk=peer.pk, interface=interface)
    entomb(interface, list(present), user, timezone.now())


def entomb(interface: Interface, peers: Sequence[Peer], user: Actor, now: dt.datetime) -> None:
    """Make tombstones, without secrets, of peers of an interface that is locked with its node."""
    if not peers:
        return
    for peer in peers:
        peer.removed_at, peer.preshared_key, peer.private_key = now, None, None
    store(interface, peers, ["removed_at", "preshared_key", "private_key"], user, now)
    addresses.release(peers, now)
    selector.release(interface.node_id, len(peers))
