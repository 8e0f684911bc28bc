"""What lies behind the nodes: a host that only they have a route to, like a client's internet.

Its addresses are documentation's (RFC 5737, RFC 3849), so nothing else can answer there.
"""

from lab.fleet import Fleet
from lab.host import Host

IPV4, NETWORK4 = "203.0.113.1", "203.0.113.0/24"
IPV6, NETWORK6 = "2001:db8:beef::1", "2001:db8:beef::/64"


def raise_beyond(fleet: Fleet) -> Host:
    """Make the host, and give every node its routes; it has none to any tunnel."""
    host = fleet.one_more_host("b1")
    host.make()
    for address in (f"{IPV4}/32", f"{IPV6}/128"):
        host.namespace.run("ip", "address", "add", address, "dev", "lo")
    for node in fleet.nodes:
        node.run("ip", "route", "add", NETWORK4, "via", host.address4)
        node.run("ip", "route", "add", NETWORK6, "via", host.address6)
    return host
