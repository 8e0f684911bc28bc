"""The process behind `FakeFleet`: a raw asyncio server that does as little as possible per answer.

Reads the scenery as one line of JSON, prints its port, ends when its standard input does.
"""

import asyncio
import json
import resource
import socket
import ssl
import sys
import time
from pathlib import Path
from typing import cast

import httptools
from wgpanel_agent.joining.certificate import CERTIFICATE_FILE, KEY_FILE
from wgpanel_agent.protocol import JSON, Binding, derive_keys, sign_response
from wgpanel_agent.tls import Identity, server_context

from lab.fake_agents import KEY_SEQ, Scenery, index_of
from lab.fake_report import make_report

BACKLOG = 4096
PATH = "/v1/status"
PLAIN = {"content-type": JSON}
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
UNAUTHORIZED = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n"

Headers = dict[bytes, bytes]


class Agent:
    """One fake agent: its keys, and its report but for the time."""

    def __init__(self, scenery: Scenery, index: int) -> None:
        self._keys = derive_keys(scenery.node_id(index), KEY_SEQ, scenery.secret(index).encode())
        report = make_report(scenery.random_bytes("report", index))
        before, after = json.dumps(report, separators=(",", ":")).split('"timestamp":0')
        self._before, self._after = f'{before}"timestamp":'.encode(), after.encode()

    def report(self, now: float) -> bytes:
        return b"%b%d%b" % (self._before, now, self._after)

    def sign(self, request: Headers, body: bytes, now: float) -> dict[str, str]:
        """The fields of an answer to this request; raises KeyError if that is not signed."""
        digest = request[b"content-digest"].decode()
        binding = Binding("GET", PATH, "", digest, request[b"signature"].decode(), 0)
        return sign_response(self._keys, binding, status=200, body=body, now=now)


class Site:
    """All agents, made beforehand: no answer has to wait for that."""

    def __init__(self, scenery: Scenery) -> None:
        self.scenery = scenery
        self.loop = asyncio.get_running_loop()
        self._agents = [Agent(scenery, index) for index in range(scenery.count)]

    def answer(self, index: int, target: bytes, request: Headers) -> bytes:
        """The bytes to send. Requests are believed unseen: only answers are measured here."""
        if target != PATH.encode() or index >= self.scenery.count:
            return NOT_FOUND
        now, agent = time.time(), self._agents[index]
        body = agent.report(now)
        try:
            headers = agent.sign(request, body, now) if self.scenery.signed else PLAIN
        except KeyError:
            return UNAUTHORIZED
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        return f"HTTP/1.1 200 OK\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body


class Connection(asyncio.Protocol):
    """One connection; the address that was dialled says to which agent."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""
        self._headers: Headers = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._index = index_of(transport.get_extra_info("sockname")[0])

    def data_received(self, data: bytes) -> None:
        if self._index < self._site.scenery.dead:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_url(self, url: bytes) -> None:
        self._target = url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_message_complete(self) -> None:
        scenery = self._site.scenery
        self._site.loop.call_later(scenery.delay_seconds, self._answer, self._target, self._headers)
        self._headers = {}

    def _answer(self, target: bytes, headers: Headers) -> None:
        if not self._transport.is_closing():
            self._transport.write(self._site.answer(self._index, target, headers))


def listen() -> socket.socket:
    """On every address of 127.0.0.0/8, and on no other: bound to the loopback device."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
    listener.bind(("0.0.0.0", 0))  # noqa: S104 - the device is the limit
    listener.listen(BACKLOG)
    return listener


def tls_of(scenery: Scenery) -> ssl.SSLContext | None:
    """As the real agent speaks it."""
    if scenery.tls_folder is None:
        return None
    folder = Path(scenery.tls_folder)
    return server_context(Identity(folder / CERTIFICATE_FILE, folder / KEY_FILE))


def allow_many_connections() -> None:
    """As many open files as the system lets us have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def serve(scenery: Scenery) -> None:
    """Until standard input ends."""
    site, listener = Site(scenery), listen()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(site), sock=listener, backlog=BACKLOG, ssl=tls_of(scenery)
    )
    print(listener.getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def main() -> None:
    allow_many_connections()
    asyncio.run(serve(Scenery(**json.loads(sys.stdin.readline()))))


if __name__ == "__main__":
    main()
