"""The one way to change what a node should have: generation, hash and stamps move together.

All of it happens in one transaction that holds the lock of the interface (`locked`). Whoever also
takes or gives back a place, or an address, locks the node first (`locked_with_node`).
"""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import cast

from celery import current_app
from django.db import transaction
from wgpanel_agent.documents import InvalidDocument, PeerPart, hash_sum, state_hash

from keyring.fields import Secret
from nodes.models import Interface, Node
from nodes.pools import Pool
from peers.errors import PeerRefused
from peers.models import Address, Peer

PUSH = "reconcile.tasks.push"
HINT_EXPIRES_SECONDS = 30
BATCH = 500
HOST_PREFIX = {4: 32, 6: 128}
STAMP = ("generation", "present", "digest")
Offsets = Sequence[tuple[int, int]]  # family and offset in the pool of that family


def locked(interface_id: uuid.UUID) -> Interface:
    """Return the interface as it is now, locked until the transaction ends."""
    return Interface.objects.select_for_update(no_key=True).get(pk=interface_id)


def locked_node(node_id: uuid.UUID) -> Node:
    """Return the node as it is now, locked until the transaction ends."""
    rows = Node.objects.select_for_update(no_key=True).defer("health_json", "secret")
    return rows.get(pk=node_id)


def locked_with_node(interface_id: uuid.UUID) -> Interface:
    """Return the interface as it is now, locked after its node, which it carries."""
    node_id = Interface.objects.values_list("node_id", flat=True).get(pk=interface_id)
    node = locked_node(node_id)
    interface = locked(interface_id)
    interface.node = node
    return interface


def begin(interface: Interface) -> None:
    """Save a new interface with its first generation and hash; raises InvalidDocument."""
    interface.desired_generation = 1
    interface.desired_hash = state_hash(interface.part(), [])
    interface.save(force_insert=True)
    hint(interface.pk)


def restamp(
    interface: Interface, peers: Sequence[Peer], now: dt.datetime, *, fields: Iterable[str] = ()
) -> int:
    """Make the desired state say what the saved `peers` now are; return how many that changed.

    Saves `fields` of all of them too. Raises PeerRefused for what the grammar refuses.
    """
    offsets: dict[uuid.UUID, Offsets] = {}
    for start in range(0, len(peers), BATCH):
        offsets.update(offsets_of(peers[start : start + BATCH]))
    changed = stamp(interface, [(peer, offsets.get(peer.pk, ())) for peer in peers], now)
    _save(peers, list(fields), changed)
    return len(changed)


def stamp(
    interface: Interface, drafts: Sequence[tuple[Peer, Offsets]], now: dt.datetime
) -> list[Peer]:
    """Stamp peers that the caller saves; return those that change the desired state.

    A tombstone always does: its node confirms it, even where the peer was off already.
    """
    changed, add, subtract = [], [], []
    pools = {pool.family: pool for pool in interface.pools}
    for peer, offsets in drafts:
        before, after = peer.digest, _digest(pools, peer, offsets, now)
        if before != after or peer.present != bool(after) or peer.removed_at is not None:
            subtract += [int(before, 16)] if before else []
            add += [int(after, 16)] if after else []
            peer.digest, peer.present = after, bool(after)
            peer.generation = interface.desired_generation + 1
            changed.append(peer)
    if changed:
        raise_generation(interface, add, subtract)
    return changed


def raise_generation(
    interface: Interface, add: Iterable[int] = (), subtract: Iterable[int] = ()
) -> None:
    """Save the next generation with its hash, and tell the worker that pushes."""
    interface.desired_generation += 1
    interface.desired_hash = hash_sum(interface.desired_hash, add, subtract)
    Interface.objects.filter(pk=interface.pk).update(
        desired_generation=interface.desired_generation, desired_hash=interface.desired_hash
    )
    hint(interface.pk)


def renew_hash(interface: Interface, total: str) -> None:
    """Replace a hash that was not the sum of its parts, by the next generation."""
    interface.desired_hash = total
    raise_generation(interface)


def hint(interface_id: uuid.UUID) -> None:
    """Wake a worker after the commit; should the message be lost, the sweeper finds the row."""
    arguments = [str(interface_id)]

    def send() -> None:
        current_app.send_task(
            PUSH, arguments, queue="sync", retry=False, expires=HINT_EXPIRES_SECONDS
        )

    transaction.on_commit(send, robust=True)


def parts(interface: Interface, peers: Sequence[Peer]) -> Iterator[tuple[Peer, PeerPart]]:
    """Yield saved peers with what their node is told of each, by one query a batch.

    The values were checked when they were stored; raises SecretLocked.
    """
    pools = {pool.family: pool for pool in interface.pools}
    for start in range(0, len(peers), BATCH):
        batch = peers[start : start + BATCH]
        offsets = offsets_of(batch)
        for peer in batch:
            yield peer, part_of(pools, peer, offsets[peer.pk])


def part_of(pools: Mapping[int, Pool], peer: Peer, offsets: Offsets) -> PeerPart:
    """What a node is told of a peer; raises SecretLocked."""
    secret = cast(Secret | None, peer.preshared_key)
    return part_with(secret.reveal() if secret else None, pools, peer, offsets)


def part_with(
    preshared_key: str | None, pools: Mapping[int, Pool], peer: Peer, offsets: Offsets
) -> PeerPart:
    """The same where the preshared key is open already, and not read from the peer."""
    own = [f"{pools[family].text_at(offset)}/{HOST_PREFIX[family]}" for family, offset in offsets]
    return PeerPart(
        public_key=peer.public_key,
        allowed_ips=tuple(sorted([*own, *peer.routed_networks])),
        preshared_key=preshared_key,
        keepalive=peer.keepalive or None,
        expires_at=int(peer.expires_at.timestamp()) if peer.expires_at else None,
    )


def offsets_of(peers: Sequence[Peer]) -> Mapping[uuid.UUID, Offsets]:
    """The addresses of saved peers, by peer."""
    found: dict[uuid.UUID, list[tuple[int, int]]] = defaultdict(list)
    rows = Address.objects.held().filter(peer__in=[peer.pk for peer in peers])
    for peer_id, family, offset in rows.values_list("peer_id", "family", "offset"):
        found[peer_id].append((family, offset))
    return found


def _digest(pools: Mapping[int, Pool], peer: Peer, offsets: Offsets, now: dt.datetime) -> str:
    """Its digest in hexadecimal; empty for a peer that does not belong into the document."""
    if not peer.is_wanted(now):
        return ""
    return f"{checked(part_of(pools, peer, offsets)).digest():064x}"


def checked(part: PeerPart) -> PeerPart:
    """The part as the agent reads it; raises PeerRefused for what the agent would refuse."""
    try:
        return PeerPart.parse(part.as_json(), routes=True)
    except InvalidDocument as error:
        raise PeerRefused.by_grammar(error) from error


def _save(peers: Sequence[Peer], fields: Sequence[str], changed: Sequence[Peer]) -> None:
    if fields:
        Peer.objects.bulk_update(peers, [*fields, *STAMP], batch_size=BATCH)
    elif changed:
        Peer.objects.bulk_update(changed, STAMP, batch_size=BATCH)
