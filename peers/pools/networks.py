"""Which networks collide: pools with pools, and networks behind peers with everything else."""

import ipaddress
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from nodes.interfaces import InterfaceQuerySet
from nodes.models import Interface, Node
from nodes.pools import Network
from peers.errors import PeerRefused
from peers.models import Peer

ADD_ROUTES = "peers.add_routes"


@dataclass(frozen=True, slots=True)
class Claim:
    """A network and who has it; `what` says so in a sentence."""

    network: Network
    what: str
    interface_id: uuid.UUID | None = None


def pool_claims(interfaces: InterfaceQuerySet | None = None) -> Iterator[Claim]:
    """The pools of these, or of all, interfaces, IPv4 first of each."""
    chosen = Interface.objects.present() if interfaces is None else interfaces
    rows = chosen.values_list("pk", "node__name", "name", "pool_v4", "pool_v6")
    for pk, node, name, *pools in rows:
        for text in filter(None, pools):
            yield Claim(ipaddress.ip_network(text), f"the pool of {node}/{name}", pk)


def refuse_routes(networks: Sequence[str], user: Any, peer: Peer) -> None:
    """Raise PeerRefused unless `user` may route these (canonical) `networks` to `peer`."""
    if not networks:
        return
    if user is not None and not user.has_perm(ADD_ROUTES):
        raise PeerRefused("routed_networks", "You may not give peers networks of their own.")
    wanted = [ipaddress.ip_network(text) for text in networks]
    _refuse_among_themselves(wanted)
    for claim in (*pool_claims(), *_node_claims(), *_route_claims(peer)):
        for network in wanted:
            if _collide(network, claim.network):
                sentence = f"{network} overlaps {claim.network}, {claim.what}."
                raise PeerRefused("routed_networks", sentence)


def colliding_route(pool: Network) -> Claim | None:
    """A network behind a peer that overlaps `pool`."""
    return next((claim for claim in _route_claims() if _collide(pool, claim.network)), None)


def colliding_pool(pool: Network, interface: Interface) -> Claim | None:
    """A pool of another interface of the same node that overlaps: no node could route both."""
    others = Interface.objects.present().filter(node=interface.node_id).exclude(pk=interface.pk)
    claims = pool_claims(others)
    return next((claim for claim in claims if _collide(pool, claim.network)), None)


def _route_claims(besides: Peer | None = None) -> Iterator[Claim]:
    rows = Peer.objects.existing().exclude(routed_networks=[])
    for pk, name, networks in rows.values_list("pk", "name", "routed_networks"):
        if besides is None or pk != besides.pk:
            for text in networks:
                yield Claim(ipaddress.ip_network(text), f"a network behind {name}")


def _node_claims() -> Iterator[Claim]:
    """The addresses under which the panel reaches its nodes."""
    for name, url in Node.objects.values_list("name", "agent_url"):
        if (host := _host_of(url)) is not None:
            yield Claim(ipaddress.ip_network(host), f"the address of {name}")


def _host_of(url: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(urlsplit(url).hostname or "")
    except ValueError:
        return None  # a host name: its address is not the panel's to know


def _refuse_among_themselves(networks: Iterable[Network]) -> None:
    claims = sorted((Claim(network, "") for network in networks), key=_position)
    for first, second in zip(claims, claims[1:], strict=False):
        if _collide(first.network, second.network):
            sentence = f"{second.network} lies within {first.network}."
            raise PeerRefused("routed_networks", sentence)


def _position(claim: Claim) -> tuple[int, int, int]:
    network = claim.network
    return network.version, int(network.network_address), network.prefixlen


def _collide(first: Network, second: Network) -> bool:
    return first.version == second.version and first.overlaps(second)  # type: ignore[arg-type]
