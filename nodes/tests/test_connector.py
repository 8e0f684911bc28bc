"""Few TLS handshakes at a time, by what aiohttp offers in public; nobody holds his place for long.

An aiohttp that stopped asking before it opens a connection would fail here.
"""

import asyncio
from types import SimpleNamespace

import aiohttp
import pytest
from yarl import URL

from nodes.calling import connector
from nodes.calling.connector import Handshakes
from nodes.calling.pinning import Pinned
from nodes.calling.pins import Pins
from nodes.polls.sessions import Sessions


class Crowd:
    """A listener that counts who is connected and never shakes hands."""

    def __init__(self) -> None:
        self.here = self.most = self.all = 0

    async def __aenter__(self) -> "Crowd":
        self._server = await asyncio.start_server(self._meet, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.here, self.all = self.here + 1, self.all + 1
        self.most = max(self.most, self.here)
        await reader.read()
        self.here -= 1
        writer.close()


async def knock(session: aiohttp.ClientSession, port: int, seconds: float) -> None:
    trust = Pinned(Pins("00" * 32))
    address = URL(f"https://127.0.0.1:{port}/")
    timeout = aiohttp.ClientTimeout(total=seconds)
    with pytest.raises((aiohttp.ClientError, TimeoutError)):
        await session.get(address, ssl=trust, timeout=timeout)


def crowd_of(monkeypatch: pytest.MonkeyPatch, many: int, place_seconds: float) -> Crowd:
    """Who came to a listener without a word, with two places for `many`."""
    monkeypatch.setattr(connector, "HANDSHAKES", 2)
    monkeypatch.setattr(connector, "PLACE_SECONDS", place_seconds)

    async def run() -> Crowd:
        sessions = await Sessions.open()
        async with Crowd() as crowd:
            await asyncio.gather(*(knock(sessions.tls, crowd.port, 0.6) for _ in range(many)))
        await sessions.close()
        return crowd

    return asyncio.run(run())


def test_no_more_shake_hands_at_once_than_there_are_places(monkeypatch):
    crowd = crowd_of(monkeypatch, many=5, place_seconds=60)
    assert crowd.most == 2


def test_who_is_silent_holds_his_place_for_a_moment_only(monkeypatch):
    crowd = crowd_of(monkeypatch, many=5, place_seconds=0.1)
    assert crowd.all == 5


async def enter(handshakes: Handshakes) -> SimpleNamespace:
    """As aiohttp does."""
    context = handshakes.trace_config_ctx()
    (enter,) = handshakes.on_connection_create_start
    await asyncio.wait_for(enter(None, context, None), 5)
    return context


def test_whoever_is_done_gives_his_place_back_once(monkeypatch):
    monkeypatch.setattr(connector, "PLACE_SECONDS", 60)
    monkeypatch.setattr(connector, "HANDSHAKES", 1)

    async def run() -> None:
        handshakes = Handshakes()
        (ended,), (failed,) = handshakes.on_connection_create_end, handshakes.on_request_exception
        for _ in range(3):
            context = await enter(handshakes)
            await ended(None, context, None)
            await failed(None, context, None)
        await enter(handshakes)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(enter(handshakes), 0.1)

    asyncio.run(run())
