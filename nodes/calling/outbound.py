"""The one rule for where the panel connects to: which addresses may be a node's.

An URL has one spelling, so that nothing is read in two ways. A name is resolved once, each of its
addresses is checked, and the connection goes to an address that was checked: a name server that
answers differently the next time wins nothing. Redirects and proxies are never followed.
"""

import asyncio
import ipaddress
import re
import socket
import time
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from django.conf import settings

from nodes.calling.exchange import AgentError
from nodes.client_fields import host as parse_host

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Infos = list[tuple[Any, ...]]  # as getaddrinfo(3) gives them

# RFC 3986 authority without user information, path, query or fragment; one canonical spelling
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]{2,45}\]|[a-z0-9.-]{1,253})(:(?P<port>[1-9][0-9]{0,4}))?",
    re.ASCII,
)
PORTS = {"http": 80, "https": 443}  # RFC 9110 section 4.2

# Nobody's server, whatever is allowed: IANA's special-purpose registries, and where clouds answer
# a machine about itself, secrets included.
_NEVER = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4",
            "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32",
            "::/128", "fe80::/10", "ff00::/8", "fd00:ec2::254/128",
        ),
    )
)  # fmt: skip
# IPv4 in the clothes of IPv6: mapped, compatible, NAT64, 6to4, Teredo
_DISGUISES = tuple(
    map(
        ipaddress.ip_network,
        ("::ffff:0:0/96", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"),
    )
)
_LOOPBACK = ipaddress.ip_address("::1")
OWN_SERVICES_SECONDS = 60


class Destination(NamedTuple):
    """Where an URL leads; `authority` is what Host says of it."""

    is_tls: bool
    host: str
    port: int
    authority: str

    @property
    def address(self) -> Address | None:
        """None where the host is a name."""
        return _literal(self.host)


def check(url: str) -> Destination:
    """Return where the URL of an agent leads; raise AgentError bad_url or address_refused."""
    match = _URL.fullmatch(url)
    port = int((match and match["port"]) or 0) if match else 0
    if match is None or port > 65535:
        raise AgentError(
            "bad_url",
            "Enter https://HOST:PORT or http://ADDRESS:PORT in lower case, without user, path or"
            " query.",
        )
    scheme, host = match["scheme"], _canonical(match["host"])
    authority = url.removeprefix(f"{scheme}://").removesuffix(f":{PORTS[scheme]}")
    found = Destination(scheme == "https", host, port or PORTS[scheme], authority)
    if found.address is not None:
        _refuse(found.address, found.port)
    return found


def _canonical(host: str) -> str:
    address = _literal(host.strip("[]"))
    if address is None:
        if host.startswith("[") or not _is_name(host):
            raise AgentError("bad_url", "The host is neither a name nor an address in full.")
        return host
    spelled = f"[{address}]" if address.version == 6 else str(address)
    if spelled != host:
        raise AgentError("bad_url", f"Write the address as {spelled}.")
    return str(address)


def _is_name(host: str) -> bool:
    """Not 127.1, 0x7f000001 or 2130706433, which resolvers take for addresses."""
    try:
        return parse_host(host) == host
    except ValueError:
        return False


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def check_plain_http(found: Destination) -> None:
    """Raise AgentError plain_http_refused beyond WGPANEL_PLAIN_HTTP_NETWORKS."""
    networks, address = settings.WGPANEL_PLAIN_HTTP_NETWORKS, found.address
    if address is not None and any(address in network for network in networks):
        return
    allowed = ", ".join(map(str, networks)) or "no network"
    raise AgentError(
        "plain_http_refused",
        f"Plain HTTP is allowed to {allowed} only (WGPANEL_PLAIN_HTTP_NETWORKS): use https, or"
        " switch plain HTTP on for this node.",
    )


def _refuse(address: Address, port: int) -> None:
    """Raise AgentError address_refused unless a node may be at this address.

    It is not repeated: what a name stands for inside our network is not for whoever typed the name.
    """
    if fault := _fault(address, port):
        raise AgentError("address_refused", f"The panel does not connect to this address: {fault}.")


def _fault(address: Address, port: int) -> str | None:
    if any(address in network for network in _NEVER):
        return "it can be no node's address"
    if address != _LOOPBACK and any(address in network for network in _DISGUISES):
        return "it stands for another address"
    if _is_own_service(address, port):
        return "the panel's own database or broker is there"
    listed = (*settings.WGPANEL_NODE_NETWORKS, *settings.WGPANEL_PLAIN_HTTP_NETWORKS)
    if address.is_global or any(address in network for network in listed):
        return None
    return "it is not public, and in none of WGPANEL_NODE_NETWORKS"


def _is_own_service(address: Address, port: int) -> bool:
    """Whether the database or the broker is there, whatever name or address it is called by."""
    places = _own_services(int(time.monotonic() // OWN_SERVICES_SECONDS))
    if (str(address), port) in places:
        return True
    # what listens on this host is reached by each of its addresses
    here = (ipaddress.ip_address(own) for own, own_port in places if own_port == port)
    return any(map(_is_of_this_host, here)) and _is_of_this_host(address)


def _is_of_this_host(address: Address) -> bool:
    """Whether an interface of this host has the address: a socket can be bound to no other."""
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True


@lru_cache(maxsize=2)
def _own_services(_minute: int) -> frozenset[tuple[str, int]]:
    """Where the database and the broker listen, as their names resolve now."""
    broker, database = urlsplit(settings.REDIS_URL or ""), settings.DATABASES["default"]
    places = [(broker.hostname, broker.port or 6379)]
    if database["ENGINE"].endswith("postgresql"):
        places.append((database.get("HOST"), int(database.get("PORT") or 5432)))
    return frozenset(
        (str(info[4][0]), port) for host, port in places if host for info in _infos(host, port)
    )


def _infos(host: str, port: int) -> Infos:
    """Nothing for a socket in the file system, or a name that is not known."""
    try:
        return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError):
        return []


def checked(infos: Infos) -> list[str]:
    """Return the addresses in an answer of getaddrinfo(3); raise AgentError if one is refused."""
    for *_, place in infos:
        _refuse(ipaddress.ip_address(place[0]), place[1])
    return [str(place[0]) for *_, place in infos]


def addresses(host: str, port: int) -> list[str]:
    """Return all addresses of a host, each checked. Raises OSError, AgentError."""
    return checked(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


class CheckedResolver(AbstractResolver):
    """How the fan-out resolves: aiohttp connects to what this returns, and to nothing else."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=info[0], proto=info[2],
                flags=socket.AI_NUMERICHOST,
            )
            for info, address in zip(infos, checked(list(infos)), strict=True)
        ]  # fmt: skip

    async def close(self) -> None:
        """It holds nothing open."""
