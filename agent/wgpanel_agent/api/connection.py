"""One HTTP/1.1 connection, stricter than uvicorn's own: small heads, deadlines, no ambiguity."""

import asyncio
import json
import re
from collections import Counter
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from wgpanel_agent.api.limits import Limits
from wgpanel_agent.http import HttpError

# Origin-form only (RFC 9112 section 3.2.1); a bare "?" would be a second spelling.
TARGET = re.compile(rb"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]+)?")
HOST = re.compile(rb"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
ONLY_ONCE = frozenset(
    (
        *(b"host", b"content-length", b"content-type", b"content-digest", b"content-encoding"),
        *(b"signature", b"signature-input", b"wgpanel-node", b"if-match", b"idempotency-key"),
        b"authorization",
    )
)
UNWANTED = frozenset((b"transfer-encoding", b"upgrade", b"trailer"))
FIELD_OVERHEAD = 4  # bytes around a field's name and value: colon, space, line end


class Waiting:
    """Connections whose next request is not complete, the longest waiting first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._order: dict[StrictConnection, None] = {}

    def add(self, connection: "StrictConnection") -> None:
        self.remove(connection)
        self._order[connection] = None

    def remove(self, connection: "StrictConnection") -> None:
        self._order.pop(connection, None)

    def make_room(self, connections: int) -> None:
        """Above the limit, drop whoever waited longest: the idle never keep the busy out."""
        if connections > self._limit and self._order:
            longest = next(iter(self._order))
            self.remove(longest)
            longest.transport.abort()


def bad_head(url: bytes, version: str, headers: list[tuple[bytes, bytes]]) -> str | None:
    """What makes a head unacceptable, or None. Field names are in lower case."""
    if not TARGET.fullmatch(url) or version not in ("1.0", "1.1"):
        return "Only HTTP/1.1 with a path as its target, in ASCII, is spoken here."
    if any(name in UNWANTED for name, _ in headers):
        return "Transfer-Encoding, Upgrade and Trailer are not accepted."
    counts = Counter(name.decode() for name, _ in headers if name in ONLY_ONCE)
    twice = sorted(name for name, times in counts.items() if times > 1)
    if twice:
        return f"Sent twice: {', '.join(twice)}."
    if not any(name == b"host" and HOST.fullmatch(value) for name, value in headers):
        return "Exactly one Host is needed."
    return None


def bad_request(detail: str) -> HttpError:
    return HttpError(400, "bad_request", detail)


class StrictConnection(HttpToolsProtocol):
    """Every request within `request_time`, every answer taken within `answer_time`, one at a time.

    Errors at this level are JSON envelopes as well, and end the connection.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: Limits,
        waiting: Waiting,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = limits
        self._waiting = waiting
        self._deadline: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._receiving = False  # between the first byte of a request and its last
        self._in_head = False
        self._head_size = 0
        self._deaf = False  # after an error nothing more is read
        self._error = bad_request("This is not HTTP/1.1.")

    # The transport speaks

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_request(self._limits.request_time)
        self._waiting.make_room(len(self.connections))

    def connection_lost(self, exc: Exception | None) -> None:
        self._waiting.remove(self)
        self._unset_keepalive_if_required()
        for timer in (self._deadline, self._stall):
            if timer:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        view = memoryview(data)
        try:
            for start in range(0, len(data), self._limits.head):
                self._feed(view[start : start + self._limits.head])
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, HttpError):
            self._deaf = True
            self._refuse(self._error)

    def _feed(self, data: memoryview) -> None:
        was_in_head = self._in_head
        self.parser.feed_data(data)
        if was_in_head and self._in_head:
            # The parser keeps an unfinished field to itself, of whatever length.
            self._count_head(len(data))

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall = self.loop.call_later(self._limits.answer_time, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stall:
            self._stall.cancel()

    # The parser speaks; what these raise ends up in data_received

    def on_message_begin(self) -> None:
        if self.cycle and not self.cycle.response_complete:
            raise bad_request("Requests are answered one at a time.")
        super().on_message_begin()
        self._receiving = self._in_head = True
        self._head_size = 0
        self._await_request(self._limits.request_time)

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._count_head(len(name) + len(value) + FIELD_OVERHEAD)

    def on_headers_complete(self) -> None:
        self._in_head = False
        fault = bad_head(self.url, self.parser.get_http_version(), self.headers)
        if fault:
            self._error = bad_request(fault)
            raise self._error
        super().on_headers_complete()
        # Split here, not by a URL parser: what is signed is what was sent.
        self.scope["raw_path"], _, self.scope["query_string"] = self.url.partition(b"?")

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._receiving = False
        if self.cycle.response_complete:
            self._await_request(self._limits.idle_time)
        else:
            self._stop_waiting()

    # The application speaks

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._unset_keepalive_if_required()
        if not self._receiving:
            self._await_request(self._limits.idle_time)

    def _await_request(self, seconds: float) -> None:
        self._stop_waiting()
        self._waiting.add(self)
        self._deadline = self.loop.call_later(seconds, self._too_late)

    def _stop_waiting(self) -> None:
        self._waiting.remove(self)
        if self._deadline:
            self._deadline.cancel()

    def _too_late(self) -> None:
        answered = self.cycle is not None and self.cycle.response_started
        if self._receiving and (self._in_head or not answered) and not self.transport.is_closing():
            detail = f"A request must be complete within {self._limits.request_time:g} s."
            self._refuse(HttpError(408, "timeout", detail))
        else:
            self.transport.abort()

    def _count_head(self, size: int) -> None:
        self._head_size += size
        if self._head_size > self._limits.head:
            detail = f"A head may have {self._limits.head} bytes."
            self._error = HttpError(431, "head_too_large", detail)
            raise self._error

    def _refuse(self, error: HttpError) -> None:
        """Answer here, unless an earlier request is still being answered: that goes first."""
        if self.cycle and not self.cycle.response_complete and not self._receiving:
            self.cycle.keep_alive = False
            return
        body = json.dumps(error.envelope()).encode()
        head = (
            STATUS_LINE[error.status]
            + b"content-type: application/json\r\nconnection: close\r\n"
            + f"content-length: {len(body)}\r\n\r\n".encode()
        )
        self.transport.write(head + body)
        self.transport.close()
        self._await_request(self._limits.answer_time)  # then it is dropped, sent or not
