"""Where a request comes from, as far as that can be known."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest

UNKNOWN = "unknown"
_IPV6_PREFIX = 64  # what one customer has


def client_address(request: HttpRequest) -> str:
    """Return the address that the outermost of our own proxies saw, in its canonical spelling.

    Each proxy appends the address of its caller to X-Forwarded-For; what stands further left was
    sent by the client and may be anything. UNKNOWN for a server on a unix socket without proxies.
    """
    forwarded = request.headers.get("X-Forwarded-For", "").split(",")
    hops = [hop.strip() for hop in (*forwarded, request.META.get("REMOTE_ADDR", ""))]
    seen = hops[-1 - min(settings.TRUSTED_PROXIES, len(hops) - 1)]
    return _canonical(seen) or _canonical(hops[-1]) or UNKNOWN


def client_network(request: HttpRequest) -> str:
    """Return whom a limit is for: one IPv4 address, or one IPv6 /64."""
    address = client_address(request)
    if ":" not in address:
        return address
    return str(ipaddress.ip_network((address, _IPV6_PREFIX), strict=False))


def _canonical(text: str) -> str:
    """One spelling; IPv4 as IPv4, however a socket for both families reports it."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
