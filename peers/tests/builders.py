"""Rows for tests: only the field that matters is spelled out where they are used."""

import base64
import itertools
import os
from typing import Any

from django.utils import timezone
from wgpanel_agent.documents import hash_sum, state_hash

from nodes.models import Interface, Node
from nodes.tests.builders import make_online_node
from peers import desired
from peers.models import Address, AddressReservation, Peer

_numbers = itertools.count(1)


def make_key() -> str:
    """Return 32 random bytes as WireGuard writes a key."""
    return base64.b64encode(os.urandom(32)).decode()


def make_interface(**fields: Any) -> Interface:
    """Save an interface of a node that is online, with both pools; its node has confirmed it."""
    node: Node = fields.pop("node", None) or make_online_node()
    count = node.interfaces.count()
    defaults = {
        "name": f"wg{count}",
        "public_key": make_key(),
        "listen_port": 51820 + count,
        "pool_v4": "10.20.0.0/16",
        "pool_v6": "fd12:3456:789a::/64",
        "endpoint_host": "vpn.example.net",
        "accepts_peers": not node.interfaces.filter(accepts_peers=True, removed_at=None).exists(),
        "observed_generation": 1,
        "condition": "in_sync",
    }
    interface = Interface(node=node, **{**defaults, **fields})
    for pool in interface.pools:
        name = f"address_v{pool.family}"
        setattr(interface, name, getattr(interface, name) or str(pool.at(pool.first)))
    if not interface.desired_hash:
        interface.desired_hash = state_hash(interface.part(), [])
        interface.observed_hash = interface.desired_hash
    interface.save()
    return interface


def make_peer(**fields: Any) -> Peer:
    """Save a peer with the next address of each pool; hashes agree, no generation is raised."""
    interface: Interface = fields.pop("interface", None) or make_interface()
    defaults = {
        "name": f"peer-{next(_numbers)}",
        "public_key": make_key(),
        "preshared_key": make_key(),
        "generation": interface.desired_generation,
    }
    peer = Peer.objects.create(interface=interface, **{**defaults, **fields})
    for pool in interface.pools:
        make_address(interface=interface, peer=peer, family=pool.family)
    if fields.keys().isdisjoint({"digest", "present"}) and peer.is_wanted(timezone.now()):
        _count_in(peer)
    return peer


def _count_in(peer: Peer) -> None:
    """Make the peer part of what its interface should have, and of what its node confirmed."""
    interface = peer.interface
    [(_, part)] = desired.parts(interface, [peer])
    digest = part.digest()
    peer.digest, peer.present = f"{digest:064x}", True
    Peer.objects.filter(pk=peer.pk).update(digest=peer.digest, present=True)
    interface.refresh_from_db(fields=["desired_hash", "observed_hash"])
    interface.desired_hash = hash_sum(interface.desired_hash, [digest])
    interface.observed_hash = hash_sum(interface.observed_hash, [digest])
    interface.save(update_fields=["desired_hash", "observed_hash"])


def make_address(**fields: Any) -> Address:
    """Save an address; the highest offset of its pool so far plus 1, from 2, unless it is given."""
    defaults: dict[str, Any] = {"family": 4}
    row = {**defaults, **fields}
    if "offset" not in row:
        taken = row["interface"].addresses.filter(family=row["family"]).order_by("-offset").first()
        row["offset"] = taken.offset + 1 if taken else 2
    return Address.objects.create(**row)


def make_reservation(**fields: Any) -> AddressReservation:
    return AddressReservation.objects.create(**{"family": 4, **fields})
