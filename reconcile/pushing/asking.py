"""Ask the agent about one interface, or tell it something; answers are JSON objects."""

import hashlib
import json
import time
import uuid
from dataclasses import dataclass
from typing import Any

from nodes.calling import client
from nodes.calling.exchange import AgentError
from nodes.interfaces import Interface

APPLY_SECONDS = 30.0
LEAST_SECONDS = 5.0
MOST_DUMP_BYTES = 64 * 1024 * 1024  # 65,536 peers of 64 networks are a tenth of that in practice


@dataclass(frozen=True, slots=True)
class Deadline:
    """When all calls of one task must have ended, by the monotonic clock."""

    ends_at: float

    @classmethod
    def in_seconds(cls, seconds: float) -> "Deadline":
        return cls(time.monotonic() + seconds)

    @property
    def remaining(self) -> float:
        return self.ends_at - time.monotonic()

    @property
    def is_near(self) -> bool:
        """Too near for another call."""
        return self.remaining < LEAST_SECONDS


def tell(
    interface: Interface,
    method: str,
    below: str = "",
    *,
    body: bytes = b"",
    if_match: str | None = None,
    deadline: Deadline,
) -> dict[str, Any]:
    """Make a write to `/v1/wg/NAME` and what is `below` it; raises AgentError."""
    if deadline.is_near:
        raise AgentError("timeout", "The node answers too slowly.")
    path = _path(interface, below)
    answer = client.call(
        interface.node,
        path,
        method=method,
        body=body,
        if_match=if_match,
        idempotency_key=_key_of(interface, method, path, if_match, body),
        read_seconds=min(APPLY_SECONDS, deadline.remaining),
    )
    return _object(answer.body)


def ask(interface: Interface, below: str = "", *, query: str = "") -> dict[str, Any]:
    """Read `/v1/wg/NAME` and what is `below` it; raises AgentError."""
    path = _path(interface, below)
    answer = client.call(interface.node, path, query=query, most_bytes=MOST_DUMP_BYTES)
    return _object(answer.body)


def _key_of(interface: Interface, method: str, path: str, if_match: str | None, body: bytes) -> str:
    """The same for the very same document again, after an answer was lost; each other act is one
    of its own."""
    if not body:
        return uuid.uuid4().hex
    since = interface.synced_at  # what a node forgot after it had confirmed is a write of its own
    line = f"{interface.pk} {since} {method} {path} {if_match}\n".encode()
    return hashlib.sha256(line + body).hexdigest()[:32]


def _path(interface: Interface, below: str) -> str:
    return f"/v1/wg/{interface.name}{below}"


def _object(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise AgentError("bad_answer", "The answer is not JSON.") from error
    if not isinstance(told, dict):
        raise AgentError("bad_answer", "The answer is not a JSON object.")
    return told
