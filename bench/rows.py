"""Thousands of peers as the panel would have stored them, by a few statements. Not a benchmark."""

import secrets
from base64 import b64encode

from django.db import transaction
from wgpanel_agent.documents import hash_sum, state_hash

from nodes.interfaces import Interface
from nodes.models import Node
from peers import desired
from peers.desired import Offsets
from peers.models import Address, Peer

BATCH = 1000
POOL_V4, POOL_V6 = "10.64.0.0/12", "fd12:3456:789a::/64"


def make_interface(node: Node, **fields: object) -> Interface:
    """An interface that its node was not told of yet, with room for a million peers."""
    own = {"address_v4": "10.64.0.1", "address_v6": "fd12:3456:789a::1", "name": "wg0"}
    interface = Interface(node=node, pool_v4=POOL_V4, pool_v6=POOL_V6, **{**own, **fields})
    interface.desired_hash = state_hash(interface.part(), [])
    interface.save()
    return interface


def add_peers(interface: Interface, count: int) -> None:
    """Give it so many peers more, in one generation."""
    first = Peer.objects.filter(interface=interface).count()
    with transaction.atomic():
        interface.desired_generation += 1
        for start in range(first, first + count, BATCH):
            _add(interface, range(start, min(start + BATCH, first + count)))
        interface.save()


def make_key() -> str:
    return b64encode(secrets.token_bytes(32)).decode()


def _add(interface: Interface, numbers: range) -> None:
    pools = {pool.family: pool for pool in interface.pools}
    held = [(_peer(interface, number), ((4, number + 2), (6, number + 2))) for number in numbers]
    digests = [desired.part_of(pools, peer, offsets).digest() for peer, offsets in held]
    for (peer, _), digest in zip(held, digests, strict=True):
        peer.digest = f"{digest:064x}"
    Peer.objects.bulk_create([peer for peer, _ in held])
    Address.objects.bulk_create([it for peer, offsets in held for it in _addresses(peer, offsets)])
    interface.desired_hash = hash_sum(interface.desired_hash, digests)


def _peer(interface: Interface, number: int) -> Peer:
    return Peer(
        interface=interface,
        name=f"peer-{number}",
        public_key=make_key(),
        preshared_key=make_key(),
        generation=interface.desired_generation,
        present=True,
    )


def _addresses(peer: Peer, offsets: Offsets) -> list[Address]:
    return [
        Address(interface=peer.interface, peer=peer, family=family, offset=offset)
        for family, offset in offsets
    ]
