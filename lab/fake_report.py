"""A status report as a busy node would send it, about 2 KB."""

from base64 import b64encode
from random import Random
from typing import Any

GIB = 2**30
INTERFACES = 4


def make_report(seed: bytes) -> dict[str, Any]:
    """Different for each seed, always the same for one; the timestamp is 0.

    Plain values: `StatusReport.as_json` would take five times as long for each of thousands.
    """
    random = Random(seed)  # noqa: S311 - nothing of this is secret
    interfaces = {f"wg{number}": _interface(random, number) for number in range(INTERFACES)}
    return {
        "status": "ok",
        "timestamp": 0,
        "uptime": random.randrange(10**6),
        "version": "1.0.0",
        "boot_id": random.randbytes(16).hex(),
        "protocol": 1,
        "system": _system(random),
        "wireguard": {
            "interface_count": INTERFACES,
            "interfaces": interfaces,
            "snapshot_age_seconds": round(random.uniform(0, 5), 3),
        },
    }


def _system(random: Random) -> dict[str, Any]:
    percent = round(random.uniform(10, 90), 1)
    memory, disk = int(4 * GIB * percent / 100), int(40 * GIB * percent / 100)
    sent, received = random.randrange(10**12), random.randrange(10**12)
    return {
        "cpu_percent": round(random.uniform(0, 60), 1),
        "load": [0.31, 0.22, 0.18],
        "memory": {
            "total": 4 * GIB,
            "available": 4 * GIB - memory,
            "percent": percent,
            "used": memory,
        },
        "disk": {
            "total": 40 * GIB,
            "used": disk,
            "free": 40 * GIB - disk,
            "percent": percent,
        },
        "network": {
            "bytes_sent": sent,
            "bytes_recv": received,
            "packets_sent": sent // 900,
            "packets_recv": received // 900,
        },
    }


def _interface(random: Random, number: int) -> dict[str, Any]:
    peers = random.randrange(60)
    return {
        "status": "up",
        "public_key": b64encode(random.randbytes(32)).decode(),
        "listen_port": 51820 + number,
        "peer_count": peers,
        "active_peers": random.randrange(peers + 1),
        "total_rx_bytes": random.randrange(10**12),
        "total_tx_bytes": random.randrange(10**12),
        "generation": random.randrange(1000),
        "hash": random.randbytes(32).hex(),
        "condition": "in_sync",
        "drift": 0,
        "managed": True,
    }
