"""One signed call to one agent; many at once: `fanout`. The rules of both are in `exchange`."""

import socket
import time
from dataclasses import dataclass
from typing import Any, NamedTuple

import requests
import urllib3
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool
from wgpanel_agent.documents import StatusReport
from wgpanel_agent.protocol import SignedRequest

from nodes import reports, targets
from nodes.exchange import AgentError, Answer, Call, Received, converse
from nodes.models import Node
from nodes.wire import MAX_ANSWER_BYTES, failure_of, not_connected, too_large, too_slow

__all__ = ["AgentError", "SignedAnswer", "call", "test_connection"]

CONNECT_SECONDS = 3.0
READ_SECONDS = 10.0


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
    asked = Call(targets.authority(node.agent_url), path=path, **parts)
    patience = Patience(read_seconds or READ_SECONDS, most_bytes)
    answer = _converse(asked, node.clock_skew_ms, patience)
    if answer.skew_ms != node.clock_skew_ms:
        Node.objects.filter(pk=node.pk).update(clock_skew_ms=targets.storable_skew(answer.skew_ms))
    return answer


def _converse(asked: Call, skew_ms: int | None, patience: Patience) -> Answer:
    conversation = converse(asked, skew_ms)
    request = next(conversation)
    with _session() as session:
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
    sent_at = time.time()
    try:
        with session.request(
            asked.method,
            f"http://{asked.authority}{asked.path}{query}",
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


def _session() -> requests.Session:
    """No proxy, no .netrc, no retries, and a time limit on the whole answer."""
    session = requests.Session()
    session.trust_env = False
    session.headers.clear()
    session.mount("http://", _DeadlineAdapter())
    return session


class _DeadlineSocket(socket.socket):
    """A socket whose timeout is for all that is read, not for each piece: a trickle ends too."""

    _ends_at = 0.0

    def settimeout(self, value: float | None) -> None:
        super().settimeout(value)
        self._ends_at = time.monotonic() + (value or READ_SECONDS)

    def recv_into(self, *arguments: Any) -> int:
        remaining = self._ends_at - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("the answer came too slowly")
        super().settimeout(remaining)
        return super().recv_into(*arguments)


class _DeadlineConnection(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        self.sock = _DeadlineSocket(fileno=self.sock.detach())
        self.sock.settimeout(READ_SECONDS)


class _DeadlinePool(HTTPConnectionPool):
    ConnectionCls = _DeadlineConnection


class _DeadlineAdapter(requests.adapters.HTTPAdapter):
    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _DeadlinePool}
