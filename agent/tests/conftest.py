"""A real server on a real loopback socket, and a client that can say anything to it."""

import asyncio
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import pytest
from wgpanel_agent.api.app import AgentApp
from wgpanel_agent.api.auth import Gate
from wgpanel_agent.api.limits import Limits
from wgpanel_agent.api.nonces import NonceStore
from wgpanel_agent.api.once import Once
from wgpanel_agent.api.routes import ROUTES
from wgpanel_agent.api.server import EdgeServer, listen, make_server
from wgpanel_agent.desired.store import Store
from wgpanel_agent.http import Call, Counters, Reply
from wgpanel_agent.protocol import Keys, SignedRequest, derive_keys, sign_request, verify_response
from wgpanel_agent.signing.base import LABEL, CoveredSet, signature_field

NODE = "3f0c8a52-6f0e-4f0a-9f57-0a4d3b7f1c11"
SECRET = b"kX2v7Qm4Zt9Lw1Rb6Ny3Hc8Jd5Gf0Ps-agent-test"
Fields = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Heard:
    """An answer as it came over the wire."""

    status: int
    headers: Fields
    body: bytes

    def header(self, name: str) -> str | None:
        found = [value for key, value in self.headers if key == name.encode()]
        return found[0].decode() if found else None

    @property
    def signed(self) -> bool:
        return self.header("signature") is not None


class RecordingAgent:
    """Stands behind the handlers: remembers each call that came through."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Call]] = []
        self.filling = ""  # makes answers longer
        self.outcome: Reply | Exception | None = None  # what handlers give instead

    def handler(self, name: str) -> Callable[[Any, Call], Any]:
        async def record(agent: RecordingAgent, call: Call) -> Reply:
            agent.calls.append((name, call))
            if isinstance(agent.outcome, Exception):
                raise agent.outcome
            if agent.outcome:
                return agent.outcome
            return Reply(200, {"handler": name, "filling": agent.filling})

        return record


@dataclass
class Client:
    """Says anything to an address; signs like the panel, unless told otherwise."""

    keys: Keys
    address: tuple[str, int]

    @property
    def host(self) -> str:
        return f"{self.address[0]}:{self.address[1]}"

    def sign(self, method: str = "GET", path: str = "/v1/status", **parts: Any) -> SignedRequest:
        parts = {"now": time.time(), "authority": self.host, "keys": self.keys} | parts
        return sign_request(parts.pop("keys"), method=method, path=path, **parts)

    def resign(self, request: SignedRequest, cover: str, params: str) -> dict[str, str]:
        """A signature with the right key over any covered set, with any parameters."""
        binding = request.binding
        derived = {
            "@method": binding.method,
            "@authority": self.host,
            "@path": binding.path,
            "@query": f"?{binding.query}",
        }
        values = derived | request.headers
        names = cover.replace('"', "").split()
        covered = CoveredSet(*(f'"{it}"' for it in names))
        base = covered.base([values[it] for it in names], f"({cover}){params}")
        return request.headers | {
            "signature-input": f"{LABEL}=({cover}){params}",
            "signature": signature_field(self.keys.request, base),
        }

    def call(self, method: str = "GET", path: str = "/v1/status", **parts: Any) -> Heard:
        """What the panel would do."""
        request = self.sign(method, path, **parts)
        query = parts.get("query", "")
        target = f"{path}?{query}" if query else path
        return self.say(method, target, request.headers, parts.get("body", b""))

    def verify(self, request: SignedRequest, heard: Heard) -> int:
        return verify_response(
            self.keys,
            request.binding,
            status=heard.status,
            headers=heard.headers,
            body=heard.body,
        ).created

    def say(
        self, method: str, target: str, headers: dict[str, str] | Fields, body: bytes = b""
    ) -> Heard:
        return self.send(http_message(method, target, headers, body))

    def say_on(
        self, sock: socket.socket, method: str, target: str, headers: Any, body: bytes = b""
    ) -> Heard:
        """On a connection that stays open."""
        sock.sendall(http_message(method, target, headers, body))
        return self.hear(sock)

    def hear(self, sock: socket.socket) -> Heard:
        return hear(sock)

    def send(self, raw: bytes) -> Heard:
        with self.connect() as sock:
            sock.sendall(raw)
            return hear(sock)

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=15)


@dataclass
class Edge(Client):
    """One agent edge in this process, and how to reach it."""

    limits: Limits
    nonces: NonceStore
    metrics_token: str | None = None
    clock_offset: float = 0
    agent: RecordingAgent = field(default_factory=RecordingAgent)
    counters: Counters = field(default_factory=Counters)
    store: Store = field(default_factory=lambda: Store(None))

    def __post_init__(self) -> None:
        self.known = {self.keys.keyid: self.keys}
        self.once = Once(self.store, clock=self.clock)
        gate = Gate(
            self.known, self.nonces, counters=self.counters, limits=self.limits, clock=self.clock
        )
        self.app = AgentApp(
            self.agent,
            {route.handler: self.agent.handler(route.handler) for route in ROUTES},
            gate,
            counters=self.counters,
            limits=self.limits,
            metrics_token=self.metrics_token,
            once=self.once,
        )

    def clock(self) -> float:
        return time.time() + self.clock_offset

    @property
    def calls(self) -> list[tuple[str, Call]]:
        return self.agent.calls


def http_message(
    method: str, target: str, headers: dict[str, str] | Fields, body: bytes = b""
) -> bytes:
    if isinstance(headers, dict):
        headers = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    if (body or method in ("POST", "PUT")) and b"content-length" not in dict(headers):
        headers = [*headers, (b"content-length", str(len(body)).encode())]
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
    return f"{method} {target} HTTP/1.1\r\n".encode("latin-1") + lines + b"\r\n" + body


def hear(sock: socket.socket) -> Heard:
    response = HTTPResponse(sock)
    response.begin()
    headers = [(key.lower().encode(), value.encode()) for key, value in response.getheaders()]
    return Heard(response.status, headers, response.read())


class ServerThread:
    """Runs a server in a thread of its own; `app` may be exchanged while it runs."""

    def __init__(self, limits: Limits, tls: ssl.SSLContext | None = None) -> None:
        self.app: AgentApp | None = None
        self._server: EdgeServer = make_server(self._delegate, limits, tls)
        self._socket = listen("127.0.0.1", 0)
        self.address = self._socket.getsockname()
        self._thread = threading.Thread(target=self._run)

    async def _delegate(self, scope: Any, receive: Any, send: Any) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)

    def _run(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))

    def __enter__(self) -> "ServerThread":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=30)


class AgentProcess(Client):
    """A server in a process of its own, that can be killed and started again."""

    def __init__(self, keys: Keys, nonces: Path) -> None:
        with listen("127.0.0.1", 0) as sock, listen("127.0.0.1", 0) as metrics:
            super().__init__(keys, sock.getsockname())
            self.metrics = Client(keys, metrics.getsockname())
        self._nonces = nonces
        self.start()

    def start(self) -> None:
        self.process = self.spawn()
        for _ in range(200):
            try:
                self.metrics.connect().close()
            except ConnectionRefusedError:
                time.sleep(0.05)
            else:
                return
        raise TimeoutError("the agent process does not listen")

    def spawn(self) -> subprocess.Popen[bytes]:
        program = Path(__file__).with_name("agent_process.py")
        ports = (str(client.address[1]) for client in (self, self.metrics))
        return subprocess.Popen([sys.executable, str(program), *ports, str(self._nonces)])

    def stop(self, number: signal.Signals) -> int:
        """Its exit code after this signal."""
        self.process.send_signal(number)
        return self.process.wait(timeout=20)


@pytest.fixture
def process(keys: Keys, tmp_path: Path) -> Iterator[AgentProcess]:
    """Knows the keys of `keys`, keeps its nonces in a file, has the default limits."""
    running = AgentProcess(keys, tmp_path / "nonces")
    yield running
    running.process.kill()
    running.process.wait()


@pytest.fixture(scope="session")
def shared_server() -> Iterator[ServerThread]:
    with ServerThread(Limits()) as server:
        yield server


@pytest.fixture
def keys() -> Keys:
    return derive_keys(NODE, 1, SECRET)


@pytest.fixture
def edge(shared_server: ServerThread, keys: Keys) -> Edge:
    """An edge with the default limits."""
    fresh = Edge(keys, shared_server.address, Limits(), NonceStore(None))
    shared_server.app = fresh.app
    return fresh


@pytest.fixture
def start_edge(keys: Keys) -> Iterator[Callable[..., Edge]]:
    """Start an edge with limits, nonces or a metrics token of its own."""
    running: list[ServerThread] = []

    def start(
        limits: Limits | None = None, tls: ssl.SSLContext | None = None, **fields: Any
    ) -> Edge:
        limits = limits or Limits()
        server = ServerThread(limits, tls).__enter__()
        running.append(server)
        fields = {"nonces": NonceStore(None), "keys": keys, "address": server.address} | fields
        fresh = Edge(limits=limits, **fields)
        server.app = fresh.app
        return fresh

    yield start
    for server in running:
        server.__exit__()
