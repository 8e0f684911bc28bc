"""Unfinished TLS handshakes: bounded in number and time, and whoever hoards them pays himself."""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from wgpanel_agent.api.door import Handshakes
from wgpanel_agent.api.limits import Limits
from wgpanel_agent.joining.certificate import make
from wgpanel_agent.tls import Identity, client_context, server_context

HEALTH = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
HALF_A_HELLO = b"\x16\x03\x01\x02\x00\x01"  # a record that announces 512 bytes


@pytest.fixture
def open_door(
    start_edge: Callable[..., Any], tmp_path: Path
) -> Callable[[Limits], tuple[str, int]]:
    make(tmp_path)
    context = server_context(Identity(tmp_path / "agent.crt", tmp_path / "agent.key"))
    return lambda limits: start_edge(limits, context).address  # type: ignore[no-any-return]


@contextlib.contextmanager
def hoard(
    address: tuple[str, int], count: int, caller: str = "127.0.0.2", say: bytes = b""
) -> Iterator[list[socket.socket]]:
    """Connections that never finish their handshake."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(begin(address, caller, say)) for _ in range(count)]


def begin(address: tuple[str, int], caller: str, say: bytes = b"") -> socket.socket:
    sock = socket.create_connection(address, timeout=15, source_address=(caller, 0))
    sock.sendall(say)
    return sock


def is_closed(sock: socket.socket) -> bool:
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


def is_served(address: tuple[str, int]) -> bool:
    with client_context().wrap_socket(socket.create_connection(address, timeout=15)) as sock:
        sock.sendall(HEALTH)
        return sock.recv(65536).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("say", [b"", HALF_A_HELLO], ids=["silent", "half"])
def test_who_begins_too_many_loses_his_oldest(
    open_door: Callable[[Limits], tuple[str, int]], say: bytes
) -> None:
    address = open_door(Limits(handshakes=8))
    with hoard(address, 20, say=say) as hoarded:
        assert all(is_closed(sock) for sock in hoarded[:12])
        for sock in hoarded[12:]:
            sock.settimeout(0.05)
        assert not any(is_closed(sock) for sock in hoarded[12:])
        assert is_served(address)


def test_one_caller_ends_no_handshake_of_another(
    open_door: Callable[[Limits], tuple[str, int]],
) -> None:
    address = open_door(Limits(handshakes=8))
    slow = begin(address, "127.0.0.1")
    with hoard(address, 50) as hoarded:
        assert is_closed(hoarded[0])
        with client_context().wrap_socket(slow) as sock:
            sock.sendall(HEALTH)
            assert sock.recv(65536).startswith(b"HTTP/1.1 200 OK")


def test_a_handshake_that_takes_too_long_makes_room(
    open_door: Callable[[Limits], tuple[str, int]],
) -> None:
    address = open_door(Limits(handshakes=8, request_time=0.5))
    began = time.monotonic()
    with hoard(address, 8, say=HALF_A_HELLO) as hoarded:
        assert all(is_closed(sock) for sock in hoarded)
    assert 0.4 < time.monotonic() - began < 5


def test_a_failed_handshake_holds_no_place(
    open_door: Callable[[Limits], tuple[str, int]],
) -> None:
    address = open_door(Limits(handshakes=2))
    with begin(address, "127.0.0.1") as slow:
        for _ in range(20):
            with pytest.raises(ssl.SSLError):
                _yesterday().wrap_socket(begin(address, "127.0.0.1"))
        slow.settimeout(0.2)
        assert not is_closed(slow)


def _yesterday() -> ssl.SSLContext:
    context = client_context()
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES256-SHA256")  # without forward secrecy: the key is of another kind
    return context


async def test_of_several_callers_the_busiest_is_the_one_that_pays() -> None:
    handshakes = Handshakes(4)
    begun = [(caller, asyncio.create_task(asyncio.sleep(60))) for caller in ("a", "b", "b", "c")]
    for caller, task in begun:
        handshakes.add(task, caller)
    last = asyncio.create_task(asyncio.sleep(60))
    handshakes.add(last, "d")
    await asyncio.sleep(0)
    assert [task.cancelled() for _, task in begun] == [False, True, False, False]
    handshakes.cancel()
    await asyncio.wait([last])
    assert len(handshakes) == 0
