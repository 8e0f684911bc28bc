"""Many clients on one host: an interface of its own for each, and pings through all of them.

They ping over IPv6: replies come back on the interface that asked, which the reverse-path filter
of IPv4 would take for a mistake where many interfaces lead to one address.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from lab.host import Host
from lab.process import Process

UNDERSTOOD_BY_WG = re.compile(
    r"^(\[.*|(?:PrivateKey|PublicKey|PresharedKey|AllowedIPs|Endpoint|PersistentKeepalive) = .*)$",
    re.MULTILINE,
)
ADDRESS6 = re.compile(r"^Address = .*?([0-9a-f:]+:[0-9a-f:]*)/128", re.MULTILINE)
SEQUENCE = re.compile(r"icmp_seq=(\d+) ")
SECONDS_BETWEEN_PINGS = 0.3
CONNECT = """
set -eu
target=$1 metric=0
shift
for interface in "$@"; do
    metric=$((metric + 1))
    ip link add dev "$interface" type wireguard 2>/dev/null || wireguard-go "$interface"
    wg setconf "$interface" "/etc/wireguard/$interface.wg"
    ip -6 address add "$(cat "/etc/wireguard/$interface.address")" dev "$interface"
    ip link set dev "$interface" mtu 1420 up
    ip -6 route add "$target" dev "$interface" metric "$metric"
done
"""


class Crowd:
    """The clients of some delivered files, connected; `target` is what they ping."""

    def __init__(self, host: Host, files: Sequence[str], target: str) -> None:
        self._host = host
        self._names = [f"crowd{number}" for number in range(len(files))]
        self._pings = [self._pinging(name, target) for name in self._names]
        for name, text in zip(self._names, files, strict=True):
            self._write(name, text)
        words = ("sh", "-c", CONNECT, "sh", f"{target}/128", *self._names)
        host.namespace.run(*words, timeout_seconds=60)

    def start(self) -> None:
        for ping in self._pings:
            ping.start()

    def stop(self) -> None:
        for ping in self._pings:
            ping.stop()

    def answered(self) -> list[list[int]]:
        """Of each client, the numbers of its pings that were answered; it has started."""
        logs = (self._log(name).read_text() for name in self._names)
        return [[int(number) for number in SEQUENCE.findall(log)] for log in logs]

    def _write(self, name: str, text: str) -> None:
        folder = self._host.wireguard_folder
        address = ADDRESS6.search(text)
        assert address is not None, "the file has no IPv6 address"
        (folder / f"{name}.address").write_text(f"{address[1]}/128")
        file = folder / f"{name}.wg"
        file.touch(mode=0o600)
        file.write_text("\n".join(UNDERSTOOD_BY_WG.findall(text)) + "\n")

    def _pinging(self, name: str, target: str) -> Process:
        words = ("ping", "-n", "-i", f"{SECONDS_BETWEEN_PINGS}", "-I", name, target)
        return Process(self._host.namespace.words("stdbuf", "-oL", *words), self._log(name))

    def _log(self, name: str) -> Path:
        return self._host.folder / f"{name}.log"
