"""Rows and reports for tests: only the field that matters is spelled out where they are used."""

import datetime as dt
import itertools
import secrets
from typing import Any

from django.utils import timezone

from groups.models import NodeGroup
from nodes.models import Node, Status

_numbers = itertools.count(1)
PUBLIC_KEY = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="


def make_group(**fields: Any) -> NodeGroup:
    return NodeGroup.objects.create(**{"name": f"group-{next(_numbers)}", **fields})


def make_node(**fields: Any) -> Node:
    """Save a node that was never polled, with a secret of its own."""
    number = next(_numbers)
    defaults = {
        "name": f"node-{number}",
        "agent_url": f"http://127.0.0.1:{20000 + number % 40000}",
        "secret": secrets.token_urlsafe(32),
    }
    return Node.objects.create(**{**defaults, **fields})


def make_online_node(**fields: Any) -> Node:
    """Save a node whose report came in a second ago."""
    now = timezone.now()
    seen = now - dt.timedelta(seconds=1)
    defaults = {
        "status": Status.ONLINE,
        "status_reason": "",
        "status_since": seen,
        "reported_at": seen,
        "last_attempt_at": seen,
        "next_poll_at": now + dt.timedelta(seconds=14),
        "health_json": make_report(),
        "agent_version": "1.0.0",
        "cpu_percent": 12.5,
        "memory_percent": 40.0,
        "disk_percent": 30.0,
        "active_peers": 3,
    }
    return make_node(**{**defaults, **fields})


def make_report(**fields: Any) -> dict[str, Any]:
    """Return what an agent says in `GET /v1/status`; `interfaces` replaces its one healthy wg0."""
    interfaces = fields.pop("interfaces", {"wg0": make_interface()})
    return {
        "status": "ok",
        "timestamp": 1767225600,
        "uptime": 86400,
        "version": "1.0.0",
        "boot_id": "5ae15bcd-7a9b-4f7c-9f0a-0d0a0f1f2a3b",
        "protocol": 1,
        "system": {
            "cpu_percent": 12.5,
            "load": [0.1, 0.2, 0.3],
            "memory": {"total": 1000, "available": 600, "percent": 40.0, "used": 400},
            "disk": {"total": 1000, "used": 300, "free": 700, "percent": 30.0},
            "network": {
                "bytes_sent": 1,
                "bytes_recv": 2,
                "packets_sent": 3,
                "packets_recv": 4,
            },
        },
        "wireguard": {"interface_count": len(interfaces), "interfaces": interfaces},
        **fields,
    }


def make_interface(**fields: Any) -> dict[str, Any]:
    return {
        "status": "up",
        "public_key": PUBLIC_KEY,
        "listen_port": 51820,
        "peer_count": 5,
        "active_peers": 3,
        "total_rx_bytes": 1000,
        "total_tx_bytes": 2000,
        "generation": None,
        "hash": None,
        "condition": None,
        "drift": None,
        "managed": True,
        **fields,
    }
