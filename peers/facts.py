"""What nodes tell of their peers: last handshake, endpoint and traffic, as they are now.

A node is asked for what changed since the last look, and only what differs from the rows is
written. None of it is desired state: no lock is taken and no generation raised.
"""

import datetime as dt
import json
import logging
import uuid
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from django.db import connections
from django.utils import timezone

from nodes.calling import client
from nodes.calling.exchange import AgentError
from nodes.interfaces import Interface, InterfaceQuerySet
from peers.models import Peer

AT_ONCE = 8
BATCH = 500
MOST_DUMP_BYTES = 64 * 1024 * 1024
LATEST = 2**32  # a handshake of the year 2106
ANSWERING = ("online", "degraded")
FACTS = ("last_handshake_at", "endpoint", "rx_bytes", "tx_bytes")
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Dump:
    """What one look found; `seq` is what the next one asks from."""

    seq: int
    peers: Mapping[str, Mapping[str, Any]]


def askable() -> InterfaceQuerySet:
    """Interfaces that have peers, on nodes that answer and have made the interface."""
    rows = Interface.objects.present().filter(observed_generation__gt=0, peers__removed_at=None)
    return rows.filter(
        node__enabled=True, node__status__in=ANSWERING, peers__isnull=False
    ).distinct()


def collect(interface_ids: Iterable[uuid.UUID]) -> int:
    """Ask the nodes of these interfaces, and return how many peers had something new."""
    rows = askable().filter(pk__in=list(interface_ids)).select_related("node")
    interfaces = list(rows.order_by())
    with ThreadPoolExecutor(AT_ONCE, "facts") as pool:
        dumps = zip(interfaces, pool.map(_dump, interfaces), strict=True)
        return sum(_store(interface, dump) for interface, dump in dumps if dump)


def _dump(interface: Interface) -> Dump | None:
    """What the node tells; None, with a line in the log, where it does not."""
    try:
        answer = client.call(
            interface.node,
            f"/v1/wg/{interface.name}/dump",
            query=f"since={interface.dump_seq}",
            most_bytes=MOST_DUMP_BYTES,
        )
        return read(answer.body)
    except AgentError as error:
        logger.info("no facts of %s on node %s: %s", interface.name, interface.node_id, error)
        return None
    finally:
        connections.close_all()  # those of this thread


def read(body: bytes) -> Dump:
    """Read an agent's dump; raises AgentError bad_answer."""
    try:
        told = json.loads(body)
        return Dump(_count(told["seq"]), {row["public_key"]: _facts(row) for row in told["peers"]})
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise AgentError("bad_answer", "The dump is not what an agent tells.") from error


def _facts(row: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a peer; a peer that never shook hands keeps what was known before."""
    seen = row["last_handshake"]
    facts = {
        "endpoint": _text(row["endpoint"] or ""),
        "rx_bytes": _count(row["rx_bytes"]),
        "tx_bytes": _count(row["tx_bytes"]),
    }
    if seen is not None:
        facts["last_handshake_at"] = dt.datetime.fromtimestamp(_count(seen, LATEST), dt.UTC)
    return facts


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.isascii() or len(value) > 64:
        raise ValueError("not an endpoint")
    return value


def _count(value: Any, most: int = 2**63 - 1) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError("not a count")
    return value


def _store(interface: Interface, dump: Dump) -> int:
    """Write what differs, and then from where to ask next: a crash between the two asks again."""
    keys = list(dump.peers)
    count = 0
    for start in range(0, len(keys), BATCH):
        count += _store_batch(interface, keys[start : start + BATCH], dump)
    seen = Interface.objects.filter(pk=interface.pk, dump_seq=interface.dump_seq)
    seen.update(dump_seq=dump.seq, dumped_at=timezone.now())
    return count


def _store_batch(interface: Interface, keys: Sequence[str], dump: Dump) -> int:
    rows = interface.peers.existing().filter(public_key__in=keys).only("public_key", *FACTS)
    changed = [peer for peer in rows if _absorb(peer, dump.peers[peer.public_key])]
    Peer.objects.bulk_update(changed, FACTS, batch_size=BATCH)
    return len(changed)


def _absorb(peer: Peer, facts: Mapping[str, Any]) -> bool:
    differs = any(getattr(peer, name) != value for name, value in facts.items())
    for name, value in facts.items():
        setattr(peer, name, value)
    return differs
