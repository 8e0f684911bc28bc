"""How the fan-out opens connections: to checked addresses, and not too many TLS handshakes at once.

A handshake costs both sides milliseconds of computing. Three hundred begun together all end
together, seconds later on a busy machine, and by then all are too late; some at a time are each
done soon. Who is silent during his holds the place for a moment only.
"""

import asyncio
from types import SimpleNamespace
from typing import Any

import aiohttp

from nodes.calling.outbound import CheckedResolver

KEEP_ALIVE_SECONDS = 60
HANDSHAKES = 64
PLACE_SECONDS = 0.25


def new_connector() -> aiohttp.TCPConnector:
    """Without limit but for handshakes; a connection stays open from round to round."""
    return aiohttp.TCPConnector(
        limit=0,
        keepalive_timeout=KEEP_ALIVE_SECONDS,
        happy_eyeballs_delay=None,
        resolver=CheckedResolver(),
    )


class Handshakes(aiohttp.TraceConfig):
    """Stops requests that need a new TLS connection until they have a place.

    aiohttp waits for what is registered here before it opens a connection, and says when it has.
    """

    def __init__(self) -> None:
        super().__init__()
        self._places = asyncio.Semaphore(HANDSHAKES)
        self.on_connection_create_start.append(self._enter)
        self.on_connection_create_end.append(self._leave)
        self.on_request_exception.append(self._leave)

    async def _enter(self, _: Any, context: SimpleNamespace, __: Any) -> None:
        await self._places.acquire()
        loop = asyncio.get_running_loop()
        context.leaving = loop.call_later(PLACE_SECONDS, self._places.release)

    async def _leave(self, _: Any, context: SimpleNamespace, __: Any) -> None:
        leaving = getattr(context, "leaving", None)
        if leaving is None:
            return
        context.leaving = None
        if leaving.when() > asyncio.get_running_loop().time():
            leaving.cancel()
            self._places.release()
