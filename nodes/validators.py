"""What may be typed for a node and its interfaces."""

import ipaddress

from django.core.exceptions import ValidationError
from wgpanel_agent import grammar, protocol

from nodes.calling import outbound
from nodes.calling.exchange import AgentError
from nodes.pools import Pool


def agent_url(value: str) -> None:
    """Accept where the panel may connect to (`outbound`), in canonical spelling."""
    try:
        outbound.check(value)
    except AgentError as error:
        raise ValidationError(error.sentence, code=error.code) from error


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


def _without_zone(value: str) -> str:
    """Raises ValueError: a zone (RFC 4007) is of one host's own, and may be any text."""
    if "%" in value:
        raise ValueError("a zone")
    return value


def network(value: str) -> None:
    """Accept `198.51.100.0/24` or one address, in canonical spelling."""
    try:
        found = ipaddress.ip_network(_without_zone(value))
    except ValueError as error:
        raise ValidationError(
            "Enter a network like 198.51.100.0/24.", code="bad_network"
        ) from error
    if value not in (str(found), str(found.network_address)):
        raise ValidationError(f"Write the network as {found}.", code="not_canonical")
