"""What `ip` does to an interface (ip-address(8), ip-link(8), ip-route(8)): builders and runners.

Routes of the agent carry a protocol number of their own, so that it knows them again, also after a
crash, and never removes another's. It never replaces a route either: `add` fails where one is.
"""

import ipaddress
import json
import socket
from collections.abc import Iterable
from typing import NamedTuple

from wgpanel_agent.documents import InterfacePart, PeerPart
from wgpanel_agent.host.commands import succeed

TIMEOUT = 10.0  # seconds
PROTOCOL = 87  # of our routes, rtnetlink(7): a number that no routing daemon has
MAIN = "main"


class Route(NamedTuple):
    """A network behind the interface, and the table that leads there."""

    network: str
    table: str = MAIN


def network_of(address: str) -> str:
    """The network that an address with its prefix length is in."""
    return str(ipaddress.ip_interface(address).network)


_FAMILIES = ((4, socket.AF_INET, 32), (6, socket.AF_INET6, 128))  # without a colon, and with


class Range(NamedTuple):
    """The addresses of a network, as numbers."""

    version: int
    first: int
    last: int

    @classmethod
    def of(cls, text: str) -> "Range":
        """Of an address with its prefix length, whose host bits are left aside."""
        address, _, length = text.partition("/")
        version, family, bits = _FAMILIES[":" in address]
        number = int.from_bytes(socket.inet_pton(family, address), "big")
        free = (1 << (bits - int(length))) - 1
        return cls(version, number & ~free, number | free)


def own_ranges(part: InterfacePart) -> frozenset[Range]:
    return frozenset(Range.of(it) for it in part.addresses)


def networks_beyond(own: Iterable[Range], peer: PeerPart) -> list[str]:
    """Of a peer, what the interface's own networks do not hold; those the kernel routes by itself.
    Never a default route: that would be the node's own way out."""
    return [
        network
        for network in peer.allowed_ips
        if not (network.endswith("/0") or _is_held(own, *Range.of(network)))
    ]


def _is_held(own: Iterable[Range], version: int, first: int, last: int) -> bool:
    """Whether one of them has all of the range."""
    return any(it[0] == version and it[1] <= first and last <= it[2] for it in own)


def in_table(part: InterfacePart, networks: Iterable[str]) -> frozenset[Route]:
    """Where the interface wants them. The kernel knows the interface's own networks in the main
    table only."""
    if part.table == "off":
        return frozenset()
    if not isinstance(part.table, int):
        return frozenset(Route(it) for it in networks)
    own = [network_of(it) for it in part.addresses]
    return frozenset(Route(it, str(part.table)) for it in (*networks, *own))


def wanted_routes(part: InterfacePart, peers: Iterable[PeerPart]) -> frozenset[Route]:
    own = own_ranges(part)
    return in_table(part, (it for peer in peers for it in networks_beyond(own, peer)))


def route_line(verb: str, name: str, route: Route) -> str:
    """As `ip -batch` reads it; `verb` is add or del."""
    return f"route {verb} {route.network} dev {name} proto {PROTOCOL} table {route.table}"


def parse_routes(text: str) -> set[Route]:
    """What `ip -json route show` printed; a single address comes without its prefix length."""
    return {
        Route(_with_length(it["dst"]), str(it.get("table", MAIN)))
        for it in json.loads(text or "[]")
    }


def _with_length(network: str) -> str:
    return network if "/" in network else f"{network}/{128 if ':' in network else 32}"


async def routes(name: str) -> set[Route]:
    """The agent's own routes on this interface. Raises CommandFailed."""
    words = ["ip", "-json", "route", "show", "table", "all", "proto", str(PROTOCOL), "dev", name]
    return parse_routes(await succeed(words, TIMEOUT))


async def change_routes(name: str, add: Iterable[Route], remove: Iterable[Route]) -> None:
    """All that can be done is done, also where one fails. Raises CommandFailed with the first."""
    lines = [route_line("del", name, route) for route in sorted(remove)]
    lines += [route_line("add", name, route) for route in sorted(add)]
    if lines:
        await succeed(["ip", "-force", "-batch", "-"], TIMEOUT, "\n".join(lines) + "\n")


async def add_address(name: str, address: str) -> None:
    await succeed(["ip", "address", "add", address, "dev", name], TIMEOUT)


async def remove_address(name: str, address: str) -> None:
    await succeed(["ip", "address", "del", address, "dev", name], TIMEOUT)


async def set_mtu(name: str, mtu: int) -> None:
    await succeed(["ip", "link", "set", "dev", name, "mtu", str(mtu)], TIMEOUT)


async def set_up(name: str) -> None:
    await succeed(["ip", "link", "set", "dev", name, "up"], TIMEOUT)


async def delete_link(name: str) -> None:
    """User-space WireGuard ends with its interface."""
    await succeed(["ip", "link", "delete", "dev", name], TIMEOUT)
