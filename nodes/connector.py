"""How the fan-out opens connections: to checked addresses, and not too many TLS handshakes at once.

A handshake costs both sides milliseconds of computing. Three hundred begun together all end
together, seconds later on a busy machine, and by then all are too late; some at a time are each
done soon. Who is silent during his holds the place for a moment only.
"""

import asyncio
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

from nodes.outbound import CheckedResolver

KEEP_ALIVE_SECONDS = 60
HANDSHAKES = 64
PLACE_SECONDS = 0.25


class Connector(aiohttp.TCPConnector):
    """Without limit but for handshakes; a connection stays open from round to round."""

    def __init__(self) -> None:
        super().__init__(
            limit=0,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            happy_eyeballs_delay=None,
            resolver=CheckedResolver(),
        )
        self._places = asyncio.Semaphore(HANDSHAKES)

    async def _create_connection(
        self, req: aiohttp.ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout
    ) -> ResponseHandler:
        if not req.is_ssl():
            return await super()._create_connection(req, traces, timeout)
        await self._places.acquire()
        leaving = self._loop.call_later(PLACE_SECONDS, self._places.release)
        try:
            return await super()._create_connection(req, traces, timeout)
        finally:
            if leaving.when() > self._loop.time():
                leaving.cancel()
                self._places.release()
