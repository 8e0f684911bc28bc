"""Turn a node's row into what is needed to call its agent: address and keys."""

import datetime as dt
from functools import lru_cache
from typing import NamedTuple, cast
from uuid import UUID

from django.core.exceptions import ValidationError
from wgpanel_agent import protocol
from wgpanel_agent.protocol import Keys

from keyring.fields import Secret, SecretField
from keyring.sealing import SecretLocked
from nodes.exchange import AgentError, Call
from nodes.models import Node
from nodes.validators import agent_url as check_agent_url

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
    clock_skew_ms: int | None
    last_attempt_at: dt.datetime | None
    failures: int


def status_call(node: Seen) -> Call:
    """Return the call for a status report; raise AgentError where the row does not permit one."""
    following = (node.next_secret, node.next_secret_seq)
    return _status_call(node.id, node.agent_url, (node.secret, node.secret_seq), following)


@lru_cache(maxsize=REMEMBERED)
def _status_call(
    node_id: UUID,
    agent_url: str,
    current: tuple[str | None, int],
    following: tuple[str | None, int | None],
) -> Call:
    sealed, seq = following
    next_keys = keys(node_id, sealed, seq, "next_secret") if seq else None
    return Call(authority(agent_url), keys(node_id, *current), STATUS_PATH, next_keys=next_keys)


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


def authority(agent_url: str) -> str:
    """Return what Host says for the agent's URL; raise AgentError bad_url.

    Checked again here, because a row may be older than WGPANEL_PLAIN_HTTP_NETWORKS.
    """
    try:
        check_agent_url(agent_url)
    except ValidationError as error:
        raise AgentError("bad_url", f"The agent URL cannot be used: {error.message}") from error
    return agent_url.removeprefix("http://").removesuffix(":80")


def storable_skew(skew_ms: int) -> int:
    """Return the skew as far as its column reaches: 24 days."""
    return max(-LARGEST_SKEW_MS, min(skew_ms, LARGEST_SKEW_MS))
