"""What may answer at a node's address: the agent's real HTTP edge, or somebody who is none."""

import asyncio
import ipaddress
import json
import secrets
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from wgpanel_agent.api.app import AgentApp
from wgpanel_agent.api.auth import Gate
from wgpanel_agent.api.limits import Limits
from wgpanel_agent.api.nonces import NonceStore
from wgpanel_agent.api.routes import ROUTES
from wgpanel_agent.api.server import listen, make_server
from wgpanel_agent.http import Counters
from wgpanel_agent.joining.certificate import CERTIFICATE_FILE, KEY_FILE, make, pin_of_file
from wgpanel_agent.keys.key_ring import KeyRing
from wgpanel_agent.protocol import Binding, Keys, derive_keys, sign_response
from wgpanel_agent.running import handler_of
from wgpanel_agent.tls import Identity, server_context

from nodes.models import Node
from nodes.tests.builders import make_node, make_report

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
REPORT = json.dumps(make_report()).encode()


def make_identity(folder: Path) -> Identity:
    make(folder)
    return Identity(folder / CERTIFICATE_FILE, folder / KEY_FILE)


class LiveAgent:
    """The agent's real edge on a loopback port; what it reports is set by the test."""

    def __init__(self, folder: Path, clock_offset: float = 0, tls: bool = False) -> None:
        self.node_id, self.secret = uuid4(), secrets.token_urlsafe(32)
        self.body, self.clock_offset, self.asked = REPORT, clock_offset, 0
        first = (str(self.node_id), 1, self.secret.encode())
        self.keys = KeyRing(*first, folder / f"{self.node_id}.json", clock=self._clock)
        self.identity = make_identity(folder / f"tls-{self.node_id}") if tls else None
        self.pin = pin_of_file(self.identity.certificate) if self.identity else ""
        self._server = make_server(
            self._app(folder / str(self.node_id)),
            Limits(),
            server_context(self.identity) if self.identity else None,
        )
        self._socket = listen("127.0.0.1", 0)
        scheme = "https" if tls else "http"
        self.url = "{}://{}:{}".format(scheme, *self._socket.getsockname())
        self._thread = threading.Thread(target=self._serve)

    def node(self, **fields: Any) -> Node:
        """Save the row that knows this agent."""
        mine: dict[str, Any] = {"id": self.node_id, "agent_url": self.url, "secret": self.secret}
        mine["tls_pin"] = self.pin
        return make_node(**{**mine, **fields})

    @property
    def connections(self) -> set[Any]:
        """Those that are open."""
        return self._server.server_state.connections

    def status_body(self) -> bytes:
        self.asked += 1
        return self.body

    def _app(self, nonces: Path) -> AgentApp:
        counters, limits = Counters(), Limits()
        store = NonceStore(nonces, clock=self._clock)
        gate = Gate(self.keys, store, counters=counters, limits=limits, clock=self._clock)
        acts = {route.handler: handler_of(route) for route in ROUTES}
        return AgentApp(self, acts, gate, counters=counters, limits=limits)

    def _clock(self) -> float:
        return time.time() + self.clock_offset

    def _serve(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=30)


class Impostor(socketserver.ThreadingTCPServer):
    """Accepts on a loopback port and does to each connection what it was made for."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, behave: Callable[[socket.socket], None]) -> None:
        super().__init__(("127.0.0.1", 0), socketserver.BaseRequestHandler)
        self._behave, self.connections = behave, 0
        self.url = "http://{}:{}".format(*self.server_address)

    def finish_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        try:
            self._behave(request)
        except OSError:
            return  # the panel hung up, as it should

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


def closed_port() -> str:
    """Return a URL where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return "http://{}:{}".format(*sock.getsockname())


def read_request(conn: socket.socket) -> dict[str, str]:
    """Return the header fields of the request that comes next."""
    head = b""
    while b"\r\n\r\n" not in head:
        if not (piece := conn.recv(65536)):
            raise ConnectionError("the panel hung up")
        head += piece
    fields = [line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if line]
    return {name.lower(): value for name, value in fields}


def answering(status: str, body: bytes = b"", **fields: str) -> Callable[[socket.socket], None]:
    """Return the behaviour of one who answers every request with this."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    head = "\r\n".join([f"HTTP/1.1 {status}", f"content-length: {len(body)}", *lines])

    def behave(conn: socket.socket) -> None:
        while True:
            read_request(conn)
            conn.sendall(head.encode() + b"\r\n\r\n" + body)

    return behave


def behind(context: ssl.SSLContext, heard: list[bytes]) -> Callable[[socket.socket], None]:
    """Return the behaviour of one who speaks TLS and notes what is said to him."""

    def behave(conn: socket.socket) -> None:
        with context.wrap_socket(conn, server_side=True) as shaken:
            heard.append(shaken.recv(65536))

    return behave


def silent(conn: socket.socket) -> None:
    """Read what comes and never say a word."""
    while conn.recv(65536):
        pass


def trickling(conn: socket.socket) -> None:
    """Send one byte after the other, for ever."""
    read_request(conn)
    conn.sendall(b"HTTP/1.1 200 OK\r\nx: ")
    while True:
        conn.sendall(b"a")
        time.sleep(0.05)


def trickling_body(conn: socket.socket) -> None:
    read_request(conn)
    conn.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
    while True:
        conn.sendall(b"a")
        time.sleep(0.05)


def flooding(conn: socket.socket) -> None:
    """Send ten megabytes without saying how many."""
    read_request(conn)
    conn.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n")
    for _ in range(160):
        conn.sendall(b"a" * 65536)


def hanging_up(conn: socket.socket) -> None:
    read_request(conn)


def speaking_ssh(conn: socket.socket) -> None:
    conn.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n")
    read_request(conn)


def signing_as(node_id: str, secret: str, body: bytes = REPORT) -> Callable[[socket.socket], None]:
    """Return the behaviour of an agent that holds this key and checks nothing."""
    keys = derive_keys(node_id, 1, secret.encode())

    def behave(conn: socket.socket) -> None:
        while True:
            conn.sendall(_signed_answer(keys, read_request(conn), body))

    return behave


def signing_once(node_id: str, secret: str) -> Callable[[socket.socket], None]:
    """Return the behaviour of an agent that hangs up after its first answer."""
    keys = derive_keys(node_id, 1, secret.encode())
    return lambda conn: conn.sendall(_signed_answer(keys, read_request(conn), REPORT))


def replaying(node_id: str, secret: str) -> Callable[[socket.socket], None]:
    """Return the behaviour of one who gives the first true answer to everybody after."""
    keys = derive_keys(node_id, 1, secret.encode())
    recorded: list[bytes] = []

    def behave(conn: socket.socket) -> None:
        while True:
            recorded.append(_signed_answer(keys, read_request(conn), REPORT))
            conn.sendall(recorded[0])

    return behave


def _signed_answer(keys: Keys, asked: dict[str, str], body: bytes) -> bytes:
    digest, signature, now = asked["content-digest"], asked["signature"], time.time()
    binding = Binding("GET", "/v1/status", "", digest, signature, int(now))
    fields = sign_response(keys, binding, status=200, body=body, now=now)
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n{lines}\r\n".encode() + body
