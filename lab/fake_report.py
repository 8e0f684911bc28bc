"""A status report as a busy node would send it, about 2 KB."""

from base64 import b64encode
from hashlib import sha256
from random import Random

from wgpanel_agent.reports import (
    Disk,
    InterfaceReport,
    Memory,
    Network,
    StatusReport,
    SystemReport,
    WireGuardReport,
)

GIB = 2**30
INTERFACES = 4


def make_report(seed: bytes) -> StatusReport:
    """Different for each seed, always the same for one; the timestamp is 0."""
    random = Random(seed)  # noqa: S311 - nothing of this is secret
    interfaces = {f"wg{number}": _interface(random, number) for number in range(INTERFACES)}
    return StatusReport(
        status="ok",
        timestamp=0,
        uptime=random.randrange(10**6),
        version="1.0.0",
        boot_id=random.randbytes(16).hex(),
        protocol=1,
        system=_system(random),
        wireguard=WireGuardReport(interfaces, snapshot_age_seconds=round(random.uniform(0, 5), 3)),
    )


def _system(random: Random) -> SystemReport:
    percent = round(random.uniform(10, 90), 1)
    used = int(4 * GIB * percent / 100)
    disk = int(40 * GIB * percent / 100)
    return SystemReport(
        cpu_percent=round(random.uniform(0, 60), 1),
        load=(0.31, 0.22, 0.18),
        memory=Memory(4 * GIB, 4 * GIB - used, percent, used),
        disk=Disk(40 * GIB, disk, 40 * GIB - disk, percent),
        network=Network(*(random.randrange(10**12) for _ in range(4))),
    )


def _interface(random: Random, number: int) -> InterfaceReport:
    peers = random.randrange(60)
    return InterfaceReport(
        status="up",
        public_key=b64encode(random.randbytes(32)).decode(),
        listen_port=51820 + number,
        peer_count=peers,
        active_peers=random.randrange(peers + 1),
        total_rx_bytes=random.randrange(10**12),
        total_tx_bytes=random.randrange(10**12),
        generation=random.randrange(1000),
        hash=sha256(random.randbytes(8)).hexdigest(),
        condition="in_sync",
        drift=0,
        managed=True,
    )
