"""Several labs may run at once: each holds a number, and everything it makes is named by it.

The number is held by an abstract unix socket: exclusive, gone with its process, never a file.
"""

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from types import TracebackType

from lab.errors import LabError

PREFIX = "wgpanel-lab"
RUN = Path("/run")
LINK_ALIAS = PREFIX
BENCHMARK_NETWORK = IPv4Network("198.18.0.0/15")  # RFC 2544: never routed on the internet
UNDERLAY_NETWORK6 = IPv6Network("fd19:8180::/32")  # RFC 4193
INSTANCES = 512
NAMED = re.compile(rf"(?:{PREFIX}-|wgpl)(\d{{1,3}})(?:-|$)")


@dataclass(frozen=True)
class Instance:
    """The names and addresses of one lab; hosts are called `n1`, `c1`, ….

    Interface names are limited to 15 characters, so links say `wgpl` and carry an alias.
    """

    number: int

    @property
    def name(self) -> str:
        return f"{PREFIX}-{self.number}"

    @property
    def directory(self) -> Path:
        """Where the mount namespaces are held open, a small tmpfs."""
        return RUN / self.name

    @property
    def bridge(self) -> str:
        return self.link("br")

    @property
    def network4(self) -> IPv4Network:
        return IPv4Network((int(BENCHMARK_NETWORK.network_address) + (self.number << 8), 24))

    @property
    def network6(self) -> IPv6Network:
        return IPv6Network((int(UNDERLAY_NETWORK6.network_address) + (self.number << 64), 64))

    def namespace(self, host: str) -> str:
        return f"{self.name}-{host}"

    def link(self, host: str) -> str:
        return f"wgpl{self.number}-{host}"

    def address4(self, position: int) -> IPv4Address:
        """Position 1 is the machine itself, the hosts follow."""
        return self.network4[position]

    def address6(self, position: int) -> IPv6Address:
        return self.network6[position]


def number_in(name: str) -> int | None:
    """The instance that a namespace, link or folder belongs to; None if it is not ours."""
    match = NAMED.match(name)
    return int(match[1]) if match and int(match[1]) < INSTANCES else None


class Claim:
    """An instance that is ours until we close it or die."""

    def __init__(self, instance: Instance, holder: socket.socket) -> None:
        self.instance = instance
        self._holder = holder

    def close(self) -> None:
        self._holder.close()

    def __enter__(self) -> "Claim":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def try_claim(number: int) -> Claim | None:
    """The instance, or None while a living process holds it."""
    instance = Instance(number)
    holder = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        holder.bind(f"\0{instance.name}")
    except OSError:
        holder.close()
        return None
    return Claim(instance, holder)


def claim() -> Claim:
    """The first instance that nobody holds."""
    for number in range(INSTANCES):
        if held := try_claim(number):
            return held
    raise LabError(f"all {INSTANCES} lab instances are in use")
