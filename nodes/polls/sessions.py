"""The HTTP sessions of the fan-out, which live as long as its loop."""

from dataclasses import dataclass

import aiohttp

from nodes.calling.connector import Handshakes, new_connector
from nodes.polls import cadence


@dataclass(frozen=True)
class Sessions:
    """Two over one connector: to be watched costs each request, and only handshakes need it."""

    plain: aiohttp.ClientSession
    tls: aiohttp.ClientSession

    @classmethod
    async def open(cls) -> "Sessions":
        connector = new_connector()
        return cls(_new_session(connector), _new_session(connector, Handshakes()))

    async def close(self) -> None:
        """The first closes their connector."""
        await self.plain.close()
        await self.tls.close()


def _new_session(
    connector: aiohttp.BaseConnector, *watchers: aiohttp.TraceConfig
) -> aiohttp.ClientSession:
    """No cookies, no proxy from the environment, no compression: the digest is of what comes."""
    return aiohttp.ClientSession(
        connector=connector,
        trace_configs=list(watchers),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=cadence.CONNECT_SECONDS),
        headers={"User-Agent": "wgpanel", "Accept-Encoding": "identity"},
        auto_decompress=False,
        trust_env=False,
    )
