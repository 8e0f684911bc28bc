"""Forwarding of packets by the node: switched on where an interface asks for it, never off.

The kernel stops to believe router advertisements once it forwards IPv6, and forgets the default
route that it learned from them, unless accept_ra is 2 by then (ip-sysctl, accept_ra).
"""

from pathlib import Path

from wgpanel_agent.documents import InterfacePart
from wgpanel_agent.host.commands import CommandFailed

NET = Path("/proc/sys/net")
IPV4 = "ipv4/ip_forward"
IPV6 = "ipv6/conf/all/forwarding"
ACCEPT_RA = "ipv6/conf/*/accept_ra"

# The same for wg-quick, at a boot without the agent; failing must not keep the tunnel down.
IPV4_HOOK = f"echo 1 > {NET}/{IPV4} || true"
IPV6_HOOK = (
    f'for f in {NET}/{ACCEPT_RA}; do [ "$(cat "$f")" != 1 ] || echo 2 > "$f"; done; '
    f"echo 1 > {NET}/{IPV6} || true"
)


def families(part: InterfacePart) -> list[str]:
    """What is to be forwarded: IPV4, IPV6, both or none."""
    if not part.forward:
        return []
    has_ipv6 = any(":" in it for it in part.addresses)
    has_ipv4 = any(":" not in it for it in part.addresses)
    return [IPV4] * has_ipv4 + [IPV6] * has_ipv6


def hooks(part: InterfacePart) -> list[str]:
    return [IPV4_HOOK if family == IPV4 else IPV6_HOOK for family in families(part)]


def is_on(family: str, net: Path = NET) -> bool:
    """Not where the kernel lacks the family."""
    try:
        return (net / family).read_text("ascii").strip() != "0"
    except OSError:
        return False


def is_complete(part: InterfacePart, net: Path = NET) -> bool:
    """Whether everything that the interface asks for is on."""
    return all(is_on(family, net) for family in families(part))


def switch_on(part: InterfacePart, net: Path = NET) -> None:
    """Raises CommandFailed where the system does not let us, as in some containers."""
    try:
        for family in families(part):
            if not is_on(family, net):
                _prepare(family, net)
                (net / family).write_text("1\n", "ascii")
    except OSError as error:
        raise CommandFailed(f"forwarding cannot be switched on: {error.strerror}") from error


def _prepare(family: str, net: Path) -> None:
    if family != IPV6:
        return
    for setting in net.glob(ACCEPT_RA):
        if setting.read_text("ascii").strip() == "1":
            setting.write_text("2\n", "ascii")
