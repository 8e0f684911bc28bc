"""Put new peers on an interface, whose node has kept places for them."""

import datetime as dt
import uuid
from collections.abc import Sequence

from accounts.actor import Actor
from nodes.models import Interface, Node
from peers import desired
from peers.creation.wishes import Draft
from peers.desired import BATCH, Offsets
from peers.errors import NoFreeAddress, PeerRefused
from peers.models import Peer
from peers.pools import addresses, networks
from peers.pools.addresses import PoolBook


def accepting(node_id: uuid.UUID, named: Interface | None = None) -> Interface:
    """Lock the named interface of the node, or the one that takes its new peers.

    Raises NoFreeAddress when there is none, because it was removed meanwhile or never made.
    """
    rows = Interface.objects.present().filter(node_id=node_id)
    rows = rows.filter(pk=named.pk) if named else rows.filter(accepts_peers=True)
    interface = rows.select_for_update(no_key=True).first()
    if interface is None:
        raise NoFreeAddress(node_id, "The node has no interface that takes new peers.")
    return interface


def place(interface: Interface, drafts: Sequence[Draft], user: Actor, now: dt.datetime) -> None:
    """Save the drafts as peers of the locked `interface`, by a number of queries that is fixed.

    Raises PeerRefused, NoFreeAddress.
    """
    for new in drafts:
        new.peer.interface = interface
        networks.refuse_routes(new.peer.routed_networks, user, new.peer)
    peers = [new.peer for new in drafts]
    refuse_keys(interface, [peer.public_key for peer in peers])
    held = list(zip(peers, _take(interface, drafts, now), strict=True))
    desired.stamp(interface, held, now)
    Peer.objects.bulk_create(peers, batch_size=BATCH)
    addresses.give(interface, held)
    Peer.history.bulk_history_create(peers, batch_size=BATCH, default_user=user, default_date=now)


def refuse_keys(interface: Interface, keys: Sequence[str]) -> None:
    """Refuse the interface's own key, which `wg` ignores without a word, and those of peers."""
    if interface.public_key in keys:
        raise PeerRefused("public_key", "This is the key of the interface itself.")
    is_taken = interface.peers.existing().filter(public_key__in=keys).exists()
    if is_taken or len(set(keys)) < len(keys):
        raise PeerRefused("public_key", "Another peer of the interface has this key.")


def _take(interface: Interface, drafts: Sequence[Draft], now: dt.datetime) -> list[Offsets]:
    books = addresses.books(interface, now)
    families = {book.pool.family for book in books}
    if strays := {family for new in drafts for family in new.chosen if family not in families}:
        raise PeerRefused("addresses", f"{interface} has no IPv{min(strays)} pool.")
    columns = [_take_of(book, drafts) for book in books]
    if interface.accepts_peers and any(book.is_exhausted for book in books):
        Node.objects.filter(pk=interface.node_id).update(has_free_address=False)
    return list(zip(*columns, strict=True))


def _take_of(book: PoolBook, drafts: Sequence[Draft]) -> list[tuple[int, int]]:
    """One offset of the pool for each draft: what it asked for, or the next."""
    family = book.pool.family
    chosen = {
        new.peer.pk: book.take_chosen(new.chosen[family]) for new in drafts if family in new.chosen
    }
    others = iter(book.take(len(drafts) - len(chosen)))
    return [(family, chosen.get(new.peer.pk) or next(others)) for new in drafts]
