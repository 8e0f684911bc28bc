"""Where TLS connections come in: so many unfinished handshakes at most, and each in a hurry.

Whoever begins handshakes and ends none loses one of his own for each that is one too many: he keeps
nobody else out, however fast he knocks. asyncio's own server counts none before they are done.
"""

import asyncio
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Callable

from wgpanel_agent.api.limits import Limits, neighbourhood

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 0.5  # when the system has no descriptor left


class Handshakes:
    """Those that are not done, with whose they are, in the order in which they began."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._callers: dict[asyncio.Task[None], str] = {}

    def __len__(self) -> int:
        return len(self._callers)

    def add(self, task: asyncio.Task[None], caller: str) -> None:
        """Above the limit, end the longest of whoever has most."""
        self._callers[task] = caller
        task.add_done_callback(self._callers.pop)
        if len(self._callers) > self._limit:
            (busiest, _), *_ = Counter(self._callers.values()).most_common(1)
            oldest = next(task for task, caller in self._callers.items() if caller == busiest)
            del self._callers[oldest]
            oldest.remove_done_callback(self._callers.pop)
            oldest.cancel()

    def cancel(self) -> None:
        for task in list(self._callers):
            task.cancel()


class TlsDoor:
    """Accepts on one socket; for uvicorn a server like asyncio's own."""

    def __init__(
        self,
        make_connection: Callable[[], asyncio.Protocol],
        listener: socket.socket,
        context: ssl.SSLContext,
        limits: Limits,
    ) -> None:
        self._make_connection, self._listener, self._context = make_connection, listener, context
        self._hurry = limits.request_time
        self._handshakes = Handshakes(limits.handshakes)
        listener.setblocking(False)
        self._accepting = asyncio.get_running_loop().create_task(self._accept())

    def close(self) -> None:
        self._accepting.cancel()
        self._handshakes.cancel()

    async def wait_closed(self) -> None:
        await asyncio.wait([self._accepting])

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, place = await loop.sock_accept(self._listener)
            except ConnectionError:  # gone before it was accepted
                continue
            except OSError as error:
                logger.warning("cannot accept a connection: %s", error.strerror)
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            task = loop.create_task(self._shake_hands(sock))
            self._handshakes.add(task, neighbourhood(place[0]))

    async def _shake_hands(self, sock: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                self._make_connection, sock, ssl=self._context,
                ssl_handshake_timeout=self._hurry, ssl_shutdown_timeout=self._hurry,
            )  # fmt: skip
        except OSError as error:  # too late, no TLS of ours, or gone: nobody to answer
            logger.debug("a TLS handshake failed: %s", error)
