"""What may be typed for a node and its interfaces."""

import ipaddress
import re

from django.conf import settings
from django.core.exceptions import ValidationError
from wgpanel_agent import grammar, protocol

from nodes.pools import Pool

# RFC 3986 authority without user information, path, query or fragment; one canonical spelling
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]{2,45}\]|[a-z0-9.-]{1,253})(:(?P<port>[1-9][0-9]{0,4}))?",
    re.ASCII,
)


def agent_url(value: str) -> None:
    """Accept `http://ADDRESS:PORT` of an address in PLAIN_HTTP_NETWORKS, in canonical spelling."""
    match = _URL.fullmatch(value)
    if match is None or int(match["port"] or 80) > 65535:
        raise ValidationError(
            "Enter http://ADDRESS:PORT in lower case, without user, path or query.", code="bad_url"
        )
    if match["scheme"] == "https":
        raise ValidationError("TLS to agents is not available yet; use http.", code="no_tls")
    _plain_http_address(match["host"])


def _plain_http_address(host: str) -> None:
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError as error:
        raise ValidationError(
            "Plain HTTP needs an IP address, not a host name.", code="not_an_address"
        ) from error
    canonical = f"[{address}]" if address.version == 6 else str(address)
    if canonical != host:
        raise ValidationError(f"Write the address as {canonical}.", code="not_canonical")
    if not any(address in network for network in settings.WGPANEL_PLAIN_HTTP_NETWORKS):
        allowed = ", ".join(str(network) for network in settings.WGPANEL_PLAIN_HTTP_NETWORKS)
        raise ValidationError(
            f"Plain HTTP is allowed to {allowed} only (WGPANEL_PLAIN_HTTP_NETWORKS).",
            code="plain_http_refused",
        )


def agent_secret(value: str) -> None:
    """Refuse what the agent refuses: too short, too uniform or a known default."""
    try:
        weakness = protocol.weakness(value.encode())
    except UnicodeEncodeError as error:
        raise ValidationError("The secret has characters without UTF-8.", code="no_utf8") from error
    if weakness:
        raise ValidationError(f"The secret {weakness}.", code="weak_secret")


def interface_name(value: str) -> None:
    """Refuse what the agent refuses as the name of an interface."""
    try:
        grammar.interface_name(value)
    except grammar.InvalidDocument as error:
        raise ValidationError(f"The name {error.problem}.", code="bad_name") from error


def pool_v4(value: str) -> None:
    """Accept an IPv4 network with room for a peer, in the spelling `10.20.0.0/16`."""
    _pool(value, 4)


def pool_v6(value: str) -> None:
    """Accept an IPv6 network with room for a peer, in the spelling `fd12:3456::/64`."""
    _pool(value, 6)


def _pool(value: str, family: int) -> None:
    try:
        pool = Pool.parse(value)
    except ValueError as error:
        raise ValidationError(f"Not a pool: {error}.", code="bad_pool") from error
    if pool.family != family:
        raise ValidationError(f"This is not an IPv{family} network.", code="wrong_family")
    if str(pool) != value:
        raise ValidationError(f"Write the pool as {pool}.", code="not_canonical")
