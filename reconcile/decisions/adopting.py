"""Make what a node has the desired state."""

import ipaddress
from collections.abc import Callable, Sequence
from typing import Any

from accounts.actor import Actor
from nodes.interfaces import Interface
from peers import changing
from peers.creation import creating
from peers.creation.creating import Where
from peers.errors import NoFreeAddress, Refused
from peers.interfaces import shaping
from peers.models import Peer
from reconcile.checks.drift import Item
from selection.decision import NoNodeAvailable

SETTINGS = ("listen_port", "mtu", "fwmark")


class NotAdoptable(Exception):
    """The panel cannot have it as the node has; the sentence says why."""


def adopt(user: Actor, interface: Interface, item: Item) -> None:
    """Make one difference none by changing the panel; raises NotAdoptable."""
    if item.is_on_disk:
        raise NotAdoptable("A file is written from what is desired, never the other way.")
    acts: dict[str, Callable[[Actor, Interface, Item], None]] = {
        "missing": _disable,
        "unknown": _create,
        "mismatched": _change,
        "interface": _set,
    }
    try:
        acts[item.kind](user, interface, item)
    except (Refused, NoFreeAddress, NoNodeAvailable) as error:
        raise NotAdoptable(str(error)) from error
    except Peer.DoesNotExist as error:
        raise NotAdoptable("The panel has no such peer any more.") from error


def _disable(user: Actor, interface: Interface, item: Item) -> None:
    changing.disable(user, _peer(interface, item))


def _create(user: Actor, interface: Interface, item: Item) -> None:
    own, routed = _sorted_out(interface, item.observed["allowed_ips"])
    creating.create(
        user,
        Where(interface=interface),
        name=f"adopted {item.public_key and item.public_key[:8]}",
        public_key=item.public_key,
        with_preshared_key=False,
        keepalive=item.observed["keepalive"],
        addresses=own,
        routed_networks=routed,
    )


def _change(user: Actor, interface: Interface, item: Item) -> None:
    peer = _peer(interface, item)
    if item.field == "keepalive":
        changing.change(user, peer, keepalive=item.observed)
    elif item.field == "allowed_ips":
        changing.change(user, peer, routed_networks=_routed(interface, peer, item.observed))
    else:
        raise NotAdoptable("Only the node knows its preshared key.")


def _routed(interface: Interface, peer: Peer, observed: Sequence[str]) -> list[str]:
    own, routed = _sorted_out(interface, observed)
    held = peer.addresses.filter(released_at=None).select_related("interface")
    if {str(address) for address in held} != set(own):
        raise NotAdoptable("The node gives the peer another address than the panel.")
    return routed


def _sorted_out(interface: Interface, networks: Sequence[str]) -> tuple[list[str], list[str]]:
    """Single addresses of the pools, and networks of the peer's own."""
    pools = [pool.network for pool in interface.pools]
    own: list[str] = []
    routed: list[str] = []
    for text in networks:
        network = _network(text)
        is_own = network.num_addresses == 1 and any(
            pool.version == network.version and network.network_address in pool for pool in pools
        )
        (own if is_own else routed).append(str(network.network_address) if is_own else str(network))
    return own, routed


def _network(text: str) -> Any:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise NotAdoptable("The node has addresses that are none.") from error


def _set(user: Actor, interface: Interface, item: Item) -> None:
    if item.field not in SETTINGS:
        raise NotAdoptable("This setting can only be reverted.")
    shaping.change(user, interface, **{item.field: item.observed})


def _peer(interface: Interface, item: Item) -> Peer:
    return Peer.objects.existing().get(interface=interface, public_key=item.public_key)
