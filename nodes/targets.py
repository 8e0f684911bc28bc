"""Turn a node's row into what is needed to call its agent: address and keys."""

import datetime as dt
from functools import lru_cache
from typing import NamedTuple, cast
from uuid import UUID

from django.core.exceptions import ValidationError
from wgpanel_agent import protocol
from wgpanel_agent.protocol import Keys

from keyring.fields import SecretField
from keyring.sealing import SecretLocked
from nodes.exchange import AgentError, Call
from nodes.models import Node
from nodes.validators import agent_url as check_agent_url

STATUS_PATH = "/v1/status"
REMEMBERED = 20_000
LARGEST_SKEW_MS = 2**31 - 1


class Seen(NamedTuple):
    """The columns of a node's row that matter to a poll, as they were when it was asked."""

    id: UUID
    agent_url: str
    secret: str | None
    secret_seq: int
    clock_skew_ms: int | None
    last_attempt_at: dt.datetime | None
    failures: int


def status_call(node: Seen) -> Call:
    """Return the call for a status report; raise AgentError where the row does not permit one."""
    return Call(authority(node.agent_url), keys(node.id, node.secret, node.secret_seq), STATUS_PATH)


def keys(node_id: UUID, sealed_secret: str | None, seq: int) -> Keys:
    """Return the node's keys; raise AgentError no_secret or locked."""
    if not sealed_secret:
        raise AgentError("no_secret", "No secret is stored for this node.")
    try:
        return _keys(node_id, sealed_secret, seq)
    except SecretLocked as error:
        raise AgentError("locked", f"The stored secret does not open: {error}.") from error


@lru_cache(maxsize=REMEMBERED)
def _keys(node_id: UUID, sealed_secret: str, seq: int) -> Keys:
    secret = _secret_field().opened(node_id, sealed_secret)
    return protocol.derive_keys(str(node_id), seq, secret.encode())


def _secret_field() -> SecretField:
    return cast(SecretField, Node._meta.get_field("secret"))


@lru_cache(maxsize=REMEMBERED)
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
