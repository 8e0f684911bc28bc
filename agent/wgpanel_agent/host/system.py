"""What the machine says of itself: CPU, memory, disk, network, load, links.

In a container whose own limits are visible (cgroup v2), those limits are the machine. With the
host's /proc mounted and named in the configuration, the host is, and limits are left aside.
"""

import os
import socket
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil

from wgpanel_agent.reporting.reports import Disk, Memory, Network, SystemReport

T = TypeVar("T")

OWN_PROC = "/proc"
CGROUP = Path("/sys/fs/cgroup")
UNLIMITED = 2**60  # bytes; the kernel's own "no limit" is larger still


@dataclass(frozen=True, slots=True)
class Link:
    """A network interface as the kernel sees it; addresses carry their prefix length."""

    is_up: bool
    mtu: int
    addresses: tuple[str, ...]


def boot_id() -> str:
    """Changes with every boot of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()


def links(names: Collection[str]) -> dict[str, Link]:
    """Those of the named interfaces that exist, without running `ip`."""
    stats, addresses = psutil.net_if_stats(), psutil.net_if_addrs()
    return {
        name: Link(
            stats[name].isup,
            stats[name].mtu,
            tuple(_with_prefix(a.address, a.netmask) for a in addresses.get(name, ()) if a.netmask),
        )
        for name in names
        if name in stats
    }


def _with_prefix(address: str, netmask: str) -> str:
    family = socket.AF_INET6 if ":" in netmask else socket.AF_INET
    prefix = int.from_bytes(socket.inet_pton(family, netmask), "big").bit_count()
    return f"{address.partition('%')[0]}/{prefix}"


def _measured(measure: Callable[[], T]) -> T | None:
    """None where this system cannot tell."""
    try:
        return measure()
    except (OSError, psutil.Error, ValueError):
        return None


class Cgroup:
    """The limits at the root of the cgroup tree we see: a container's own, on a host none.

    Our own service's limits are deeper in the tree, and are not the machine's.
    """

    def __init__(self, root: Path = CGROUP) -> None:
        self._root = root

    def _words(self, name: str) -> list[str]:
        try:
            return (self._root / name).read_text("ascii").split()
        except OSError:
            return []

    def _counter(self, name: str, key: str) -> int | None:
        words = self._words(name)
        pairs = dict(zip(words[::2], words[1::2], strict=False))
        return int(pairs[key]) if key in pairs else None

    def memory_limit(self) -> int | None:
        """In bytes."""
        words = self._words("memory.max")
        return int(words[0]) if words and words[0] != "max" and int(words[0]) < UNLIMITED else None

    def memory_used(self) -> int:
        """In bytes, without the page cache that would be given up first."""
        words = self._words("memory.current")
        cached = self._counter("memory.stat", "inactive_file") or 0
        return max(0, int(words[0]) - cached) if words else 0

    def cpus(self) -> float | None:
        """How many CPUs the quota allows at once."""
        words = self._words("cpu.max")
        return int(words[0]) / int(words[1]) if len(words) == 2 and words[0] != "max" else None

    def cpu_seconds(self) -> float | None:
        """CPU time used so far."""
        microseconds = self._counter("cpu.stat", "usage_usec")
        return None if microseconds is None else microseconds / 1e6


class CpuMeter:
    """Use since the previous reading, in percent of what there is; the first is None."""

    def __init__(self, cgroup: Cgroup | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._cgroup = cgroup
        self._clock = clock
        self._last: tuple[float, float] | None = None
        self._is_primed = False

    def read(self) -> float | None:
        cpus = self._cgroup.cpus() if self._cgroup else None
        used = self._cgroup.cpu_seconds() if self._cgroup and cpus else None
        if cpus is None or used is None:
            return self._of_the_host()
        last, self._last = self._last, (self._clock(), used)
        if last is None or self._last[0] <= last[0]:
            return None
        share = (used - last[1]) / (self._last[0] - last[0]) / cpus
        return round(min(max(share, 0.0), 1.0) * 100, 1)

    def _of_the_host(self) -> float | None:
        percent = _measured(lambda: psutil.cpu_percent(interval=None))
        was_primed, self._is_primed = self._is_primed, True
        return percent if was_primed else None


class Machine:
    """Reads one machine; `proc` names the host's /proc where it is mounted elsewhere."""

    def __init__(
        self, *, proc: str = OWN_PROC, disk: str = "/", cgroup_root: Path = CGROUP
    ) -> None:
        psutil.PROCFS_PATH = proc
        self._disk = disk
        self._cgroup = Cgroup(cgroup_root) if proc == OWN_PROC else None
        self.cpu = CpuMeter(self._cgroup)

    def report(self, cpu_percent: float | None, tunnels: Collection[str] = ()) -> SystemReport:
        """`tunnels` are left out of the network totals: their bytes are counted once already."""
        return SystemReport(
            cpu_percent=cpu_percent,
            load=_measured(os.getloadavg),
            memory=_measured(self._memory),
            disk=_measured(self._disk_use),
            network=_measured(lambda: _network({"lo", *tunnels})),
        )

    def _memory(self) -> Memory:
        host = psutil.virtual_memory()
        limit = self._cgroup.memory_limit() if self._cgroup else None
        if self._cgroup is None or limit is None or limit >= host.total:
            return Memory(host.total, host.available, host.percent, host.used)
        used = min(self._cgroup.memory_used(), limit)
        return Memory(limit, limit - used, round(used / limit * 100, 1), used)

    def _disk_use(self) -> Disk:
        use = psutil.disk_usage(self._disk)
        return Disk(use.total, use.used, use.free, use.percent)


def _network(left_out: Collection[str]) -> Network:
    counted = [
        counters
        for name, counters in psutil.net_io_counters(pernic=True).items()
        if name not in left_out
    ]
    return Network(
        bytes_sent=sum(c.bytes_sent for c in counted),
        bytes_recv=sum(c.bytes_recv for c in counted),
        packets_sent=sum(c.packets_sent for c in counted),
        packets_recv=sum(c.packets_recv for c in counted),
    )
