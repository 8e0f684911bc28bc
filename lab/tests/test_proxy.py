"""Each fault as a client of a small echo server meets it."""

import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from lab.proxy import HEALTHY, Fault, Proxy

SHORT = 0.3  # seconds in which a healthy network would long have answered


class Echo(socketserver.BaseRequestHandler):
    """Answers what it hears and keeps it."""

    heard: list[bytes] = []  # noqa: RUF012

    def handle(self) -> None:
        while data := self.request.recv(65536):
            self.heard.append(data)
            self.request.sendall(data)


@pytest.fixture
def echo() -> Iterator[socketserver.ThreadingTCPServer]:
    Echo.heard = []
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def proxy(echo: socketserver.ThreadingTCPServer) -> Iterator[Proxy]:
    with Proxy("127.0.0.1", echo.server_address[1]) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: Proxy) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as client:
        yield client


def read_all(client: socket.socket) -> bytes:
    received = b""
    while data := client.recv(65536):
        received += data
    return received


def test_a_healthy_network_passes_everything(client: socket.socket) -> None:
    client.sendall(b"x" * 200_000)
    client.shutdown(socket.SHUT_WR)

    assert read_all(client) == b"x" * 200_000


def test_answers_come_late(proxy: Proxy, client: socket.socket) -> None:
    proxy.fault = Fault(delay_seconds=SHORT)
    started = time.monotonic()
    client.sendall(b"hello")

    assert client.recv(10) == b"hello"
    assert time.monotonic() - started >= SHORT


def test_answers_trickle(proxy: Proxy, client: socket.socket) -> None:
    proxy.fault = Fault(bytes_per_second=20)
    client.sendall(b"hello")

    assert client.recv(10) == b"h"


def test_the_connection_breaks_in_the_middle_of_an_answer(
    proxy: Proxy, client: socket.socket
) -> None:
    proxy.fault = Fault(cut_after_bytes=3)
    client.sendall(b"hello")

    assert read_all(client) == b"hel"


def test_an_answer_is_lost_after_the_request_took_effect(
    proxy: Proxy, client: socket.socket
) -> None:
    proxy.fault = Fault(loses_answers=True)
    client.settimeout(SHORT)
    client.sendall(b"hello")

    with pytest.raises(TimeoutError):
        client.recv(10)
    assert Echo.heard == [b"hello"]


def test_a_black_hole_accepts_and_says_nothing(proxy: Proxy) -> None:
    proxy.fault = Fault(black_hole=True)
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=SHORT) as client:
        client.sendall(b"hello")

        with pytest.raises(TimeoutError):
            client.recv(10)
    assert Echo.heard == []


def test_an_open_connection_can_fall_silent_and_recover(
    proxy: Proxy, client: socket.socket
) -> None:
    proxy.fault = Fault(black_hole=True)
    client.sendall(b"hello")
    client.settimeout(SHORT)
    with pytest.raises(TimeoutError):
        client.recv(10)

    proxy.fault = HEALTHY
    client.settimeout(10)
    assert client.recv(10) == b"hello"


def test_a_refusing_network_closes_at_once(proxy: Proxy) -> None:
    proxy.fault = Fault(refuses=True)
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as client:
        assert client.recv(10) == b""


def test_open_connections_can_be_cut(proxy: Proxy, client: socket.socket) -> None:
    client.sendall(b"hello")
    assert client.recv(10) == b"hello"

    proxy.cut()

    with pytest.raises(ConnectionResetError):
        client.recv(10)


def test_nobody_behind_the_proxy_breaks_the_connection() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # held, so that nobody else takes the port, but not listening
        with (
            Proxy("127.0.0.1", closed.getsockname()[1]) as proxy,
            pytest.raises(ConnectionResetError),  # on reading, or on connecting already
            socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as client,
        ):
            client.recv(10)
