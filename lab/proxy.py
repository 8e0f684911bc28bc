"""A small TCP proxy that makes the network between panel and agent sick.

with Proxy("198.18.0.2", 8080) as proxy:
    proxy.fault = Fault(delay_seconds=2)     # from now on, also for open connections

With `tls` it shows a certificate in front of somebody who speaks without.
"""

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any

CHUNK_BYTES = 65536
LOCALHOST = "127.0.0.1"
LOOK_AGAIN_SECONDS = 0.02


@dataclass(frozen=True)
class Fault:
    """What happens to the bytes; faults can be combined. The default is a healthy network."""

    delay_seconds: float = 0.0  # each piece of an answer comes later
    bytes_per_second: float | None = None  # answers trickle
    cut_after_bytes: int | None = None  # the connection breaks after so much of an answer
    loses_answers: bool = False  # requests arrive and take effect, nobody hears of it
    refuses: bool = False  # closed at once
    black_hole: bool = False  # accepted, then nothing in either direction


HEALTHY = Fault()


class Proxy:
    """Runs in a thread of its own; `fault` may be changed at any time."""

    def __init__(
        self,
        host: str,
        port: int,
        fault: Fault = HEALTHY,
        *,
        listener: socket.socket | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.fault, self._tls = fault, tls
        self.port = 0
        self._listener = listener
        self._target = (host, port)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{LOCALHOST}:{self.port}"

    def __enter__(self) -> "Proxy":
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        """Break all connections that are open now."""
        self._run(self._drop_connections())

    def _run(self, act: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(act, self._loop).result()

    async def _listen(self) -> None:
        listener = self._listener or socket.create_server((LOCALHOST, 0))
        self._server = await asyncio.start_server(self._accept, sock=listener, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._drop_connections()

    async def _drop_connections(self) -> None:
        doomed = list(self._connections)
        for task in doomed:
            task.cancel()
        await asyncio.gather(*doomed, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # start_server runs this as a task
        self._connections.add(task)
        try:
            if not self.fault.refuses:
                await self._serve(reader, writer)
            writer.close()
        except (ConnectionError, asyncio.CancelledError):
            _reset(writer)
        finally:
            with suppress(ConnectionError):
                await writer.wait_closed()
            self._connections.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._passage()
        agent_reader, agent_writer = await asyncio.open_connection(*self._target)
        request = asyncio.create_task(self._pass_request(reader, agent_writer))
        try:
            await self._pass_answer(agent_reader, writer)
        finally:
            request.cancel()
            agent_writer.transport.abort()
            await asyncio.gather(request, agent_writer.wait_closed(), return_exceptions=True)

    async def _pass_request(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(CHUNK_BYTES):
                await self._passage()
                writer.write(data)
                await writer.drain()
            writer.write_eof()

    async def _pass_answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        passed = 0
        while data := await reader.read(CHUNK_BYTES):
            await self._passage()
            fault = self.fault
            if fault.loses_answers:
                continue
            await asyncio.sleep(fault.delay_seconds)
            room = len(data) if fault.cut_after_bytes is None else fault.cut_after_bytes - passed
            await _pour(writer, data[: max(0, room)], fault.bytes_per_second)
            passed += len(data)
            if room < len(data):
                return

    async def _passage(self) -> None:
        """Held up as long as the network is a black hole; bytes are late then, not lost."""
        while self.fault.black_hole:
            await asyncio.sleep(LOOK_AGAIN_SECONDS)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST: without lingering there is no orderly end (socket(7))."""
    endpoint = writer.get_extra_info("socket")
    endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _pour(writer: asyncio.StreamWriter, data: bytes, bytes_per_second: float | None) -> None:
    """All at once, or in pieces that keep to the rate."""
    piece = len(data) if bytes_per_second is None else max(1, int(bytes_per_second / 50))
    for start in range(0, len(data), piece or 1):
        writer.write(data[start : start + piece])
        await writer.drain()
        if bytes_per_second is not None:
            await asyncio.sleep(piece / bytes_per_second)
