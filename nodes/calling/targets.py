"""Turn a node's row into what is needed to call its agent: address and keys."""

import datetime as dt
from functools import lru_cache
from typing import NamedTuple, cast
from uuid import UUID

from wgpanel_agent import protocol
from wgpanel_agent.protocol import Keys

from keyring.fields import Secret, SecretField
from keyring.sealing import SecretLocked
from nodes.calling.exchange import AgentError, Call
from nodes.calling.transport import way
from nodes.models import Node

STATUS_PATH = "/v1/status"
REMEMBERED = 20_000  # calls, by all that goes into them: opening a secret costs more than signing
LARGEST_SKEW_MS = 2**31 - 1


class Seen(NamedTuple):
    """The columns of a node's row that matter to a poll, as they were when it was asked."""

    id: UUID
    agent_url: str
    secret: str | None
    secret_seq: int
    next_secret: str | None
    next_secret_seq: int | None
    tls_pin: str
    next_tls_pin: str
    allow_plain_http: bool
    clock_skew_ms: int | None
    last_attempt_at: dt.datetime | None
    failures: int


def status_call(node: Seen) -> Call:
    """Return the call for a status report; raise AgentError where the row does not permit one."""
    transport = (node.agent_url, node.tls_pin, node.next_tls_pin, node.allow_plain_http)
    following = (node.next_secret, node.next_secret_seq)
    return _status_call(node.id, transport, (node.secret, node.secret_seq), following)


@lru_cache(maxsize=REMEMBERED)
def _status_call(
    node_id: UUID,
    transport: tuple[str, str, str, bool],
    current: tuple[str | None, int],
    following: tuple[str | None, int | None],
) -> Call:
    authority, pins = way(*transport)
    sealed, seq = following
    next_keys = keys(node_id, sealed, seq, "next_secret") if seq else None
    mine = keys(node_id, *current)
    return Call(authority, mine, STATUS_PATH, next_keys=next_keys, pins=pins)


def node_keys(node: Node) -> Keys:
    """Return the keys in use; raise AgentError no_secret or locked."""
    return keys(node.pk, _text(node.secret), node.secret_seq)


def next_keys(node: Node) -> Keys | None:
    """Return the keys that are to follow, None where there are none; raise AgentError locked."""
    if node.next_secret_seq is None:
        return None
    return keys(node.pk, _text(node.next_secret), node.next_secret_seq, "next_secret")


def _text(secret: Secret | None) -> str | None:
    return secret.seal() if secret is not None else None


def keys(node_id: UUID, sealed_secret: str | None, seq: int, column: str = "secret") -> Keys:
    """Return the keys made of a sealed column; raise AgentError no_secret or locked."""
    if not sealed_secret:
        raise AgentError("no_secret", "No secret is stored for this node.")
    field = cast(SecretField, Node._meta.get_field(column))
    try:
        secret = field.opened(node_id, sealed_secret)
    except SecretLocked as error:
        raise AgentError("locked", f"The stored secret does not open: {error}.") from error
    return protocol.derive_keys(str(node_id), seq, secret.encode())


def storable_skew(skew_ms: int) -> int:
    """Return the skew as far as its column reaches: 24 days."""
    return max(-LARGEST_SKEW_MS, min(skew_ms, LARGEST_SKEW_MS))
