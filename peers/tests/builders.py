"""Rows for tests: only the field that matters is spelled out where they are used."""

import base64
import itertools
import os
from typing import Any

from nodes.models import Interface, Node
from nodes.tests.builders import make_online_node
from peers.models import Address, AddressReservation, Peer

_numbers = itertools.count(1)


def make_key() -> str:
    """Return 32 random bytes as WireGuard writes a key."""
    return base64.b64encode(os.urandom(32)).decode()


def make_interface(**fields: Any) -> Interface:
    """Save an interface of a node that is online, with both pools; its node has confirmed it."""
    node: Node = fields.pop("node", None) or make_online_node()
    defaults = {
        "name": f"wg{node.interfaces.count()}",
        "public_key": make_key(),
        "listen_port": 51820 + node.interfaces.count(),
        "pool_v4": "10.20.0.0/16",
        "pool_v6": "fd12:3456:789a::/64",
        "address_v4": "10.20.0.1",
        "address_v6": "fd12:3456:789a::1",
        "endpoint_host": "vpn.example.net",
        "accepts_peers": not node.interfaces.filter(accepts_peers=True).exists(),
        "desired_hash": "0" * 64,
        "observed_hash": "0" * 64,
        "observed_generation": 1,
        "condition": "in_sync",
    }
    if "pool_v4" in fields:
        defaults["address_v4"] = ""
    if "pool_v6" in fields:
        defaults["address_v6"] = ""
    return Interface.objects.create(node=node, **{**defaults, **fields})


def make_peer(**fields: Any) -> Peer:
    """Save a peer with the next address of each pool, as a row alone: no generation is raised."""
    interface: Interface = fields.pop("interface", None) or make_interface()
    defaults = {
        "name": f"peer-{next(_numbers)}",
        "public_key": make_key(),
        "preshared_key": make_key(),
        "present": True,
    }
    peer = Peer.objects.create(interface=interface, **{**defaults, **fields})
    for pool in interface.pools:
        make_address(interface=interface, peer=peer, family=pool.family)
    return peer


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
