"""One signed call to one agent; many at once: `fanout`. The rules of both are in `exchange`."""

import time
from dataclasses import dataclass
from typing import Any, NamedTuple

import requests
import urllib3
from wgpanel_agent.documents import StatusReport
from wgpanel_agent.protocol import SignedRequest

from nodes.calling import targets
from nodes.calling.exchange import AgentError, Answer, Call, Received, converse
from nodes.calling.pinning import Pinned
from nodes.calling.promotion import promote
from nodes.calling.session import CONNECT_SECONDS, READ_SECONDS, new_session
from nodes.calling.transport import way
from nodes.calling.wire import MAX_ANSWER_BYTES, failure_of, not_connected, too_large, too_slow
from nodes.models import Node
from nodes.polls import reports

__all__ = ["AgentError", "SignedAnswer", "call", "test_connection"]


class Patience(NamedTuple):
    """How long to wait for a complete answer, and how much of it to take."""

    read_seconds: float
    most_bytes: int


@dataclass(frozen=True, slots=True)
class SignedAnswer:
    """What a successful test of the connection shows; the skew is the agent's clock minus ours."""

    version: str
    latency_ms: float
    clock_skew_ms: int
    report: StatusReport


def test_connection(node: Node) -> SignedAnswer:
    """Ask for a report by a signed call; raise AgentError unless the node's own agent answered.

    Says nothing about the node's status: only polling writes that.
    """
    answer = call(node, targets.STATUS_PATH)
    report = reports.read(answer.body).report
    latency_ms = (answer.received_at - answer.sent_at) * 1000
    return SignedAnswer(report.version, latency_ms, answer.skew_ms, report)


def call(
    node: Node,
    path: str,
    *,
    read_seconds: float | None = None,
    most_bytes: int = MAX_ANSWER_BYTES,
    **parts: Any,
) -> Answer:
    """Make one signed call and return the verified answer of success; raise AgentError.

    `parts` are those of `exchange.Call`; without keys, those of the node. The answer must be
    complete within `read_seconds` of sending the request (10 s unless told otherwise), and have at
    most `most_bytes`.
    """
    if "keys" not in parts:
        parts |= {"keys": targets.node_keys(node), "next_keys": targets.next_keys(node)}
    transport = (node.agent_url, node.tls_pin, node.next_tls_pin, node.allow_plain_http)
    authority, pins = way(*transport)
    asked = Call(authority, path=path, pins=pins, **parts)
    trust = Pinned(pins) if pins else None
    patience = Patience(read_seconds or READ_SECONDS, most_bytes)
    answer = _converse(asked, node.clock_skew_ms, patience, trust)
    if trust is not None and trust.has_seen_the_next:
        promote(node.pk, trust.pins)
    if answer.skew_ms != node.clock_skew_ms:
        Node.objects.filter(pk=node.pk).update(clock_skew_ms=targets.storable_skew(answer.skew_ms))
    return answer


def _converse(asked: Call, skew_ms: int | None, patience: Patience, trust: Pinned | None) -> Answer:
    conversation = converse(asked, skew_ms)
    request = next(conversation)
    with new_session(trust) as session:
        try:
            while True:
                request = conversation.send(_send(session, asked, request, patience))
        except StopIteration as end:
            answer: Answer = end.value
            return answer


def _send(
    session: requests.Session, asked: Call, request: SignedRequest, patience: Patience
) -> Received:
    query = f"?{asked.query}" if asked.query else ""
    scheme = "https" if asked.pins else "http"
    sent_at = time.time()
    try:
        with session.request(
            asked.method,
            f"{scheme}://{asked.authority}{asked.path}{query}",
            data=asked.body or None,
            headers=request.headers,
            timeout=(CONNECT_SECONDS, patience.read_seconds),
            allow_redirects=False,
            stream=True,
        ) as response:
            return _received(response, sent_at, patience.most_bytes)
    except requests.ConnectTimeout as error:
        raise not_connected(CONNECT_SECONDS) from error
    except (requests.Timeout, urllib3.exceptions.TimeoutError) as error:
        raise too_slow(patience.read_seconds) from error
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise failure_of(error, asked.authority) from error


def _received(response: requests.Response, sent_at: float, most_bytes: int) -> Received:
    body = response.raw.read(most_bytes + 1, decode_content=False)
    if len(body) > most_bytes:
        raise too_large(most_bytes)
    headers = response.raw.headers.iteritems()
    lines = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in headers)
    return Received(response.status_code, lines, body, sent_at, time.time())
