"""Serve the application on sockets: uvicorn, with strict connections, until SIGTERM or SIGINT."""

import asyncio
import contextlib
import functools
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

from wgpanel_agent.api.connection import StrictConnection, Waiting
from wgpanel_agent.api.door import TlsDoor
from wgpanel_agent.api.limits import Limits

BACKLOG = 512
GRACE = 30  # seconds that requests under way have after a signal
SIGNALS = (signal.SIGTERM, signal.SIGINT)


class EdgeServer(uvicorn.Server):
    """Leaves signals to `serve`, which stops several servers with one."""

    def __init__(self, config: uvicorn.Config, limits: Limits, tls: ssl.SSLContext | None) -> None:
        super().__init__(config)
        self._limits, self._tls = limits, tls

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's own, but for TLS, whose handshakes it would not count nor hurry."""
        self.servers = [await self._open(listener) for listener in sockets or []]
        self.started = True

    async def _open(self, listener: socket.socket) -> Any:
        if self._tls:
            return TlsDoor(self._connection, listener, self._tls, self._limits)
        loop = asyncio.get_running_loop()
        return await loop.create_server(self._connection, sock=listener, backlog=BACKLOG)

    def _connection(self) -> asyncio.Protocol:
        return self.config.http_protocol_class(  # type: ignore[call-arg]  # our own factory
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """A listening socket, for IPv4 as well where the host is `::`; raises OSError where the
    address cannot be had."""
    listener = socket.create_server(
        (host, port),
        family=socket.AF_INET6 if ":" in host else socket.AF_INET,
        backlog=BACKLOG,
        dualstack_ipv6=host == "::",
    )
    # asyncio sets it only where the protocol is spelled out; without it each answer waits 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def make_server(app: Any, limits: Limits, tls: ssl.SSLContext | None = None) -> EdgeServer:
    connection = functools.partial(
        StrictConnection, limits=limits, waiting=Waiting(limits.connections)
    )
    config = uvicorn.Config(
        app,
        http=connection,  # type: ignore[arg-type]  # a factory serves as well as a class
        loop="asyncio",
        ws="none",
        interface="asgi3",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=GRACE,
    )
    return EdgeServer(config, limits, tls)


async def serve(
    app: Any,
    host: str,
    port: int,
    *,
    limits: Limits,
    tls: ssl.SSLContext | None = None,
    metrics_app: Any = None,
    metrics_listen: tuple[str, int] | None = None,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve until a signal, then finish what is under way and return.

    With `metrics_listen`, `metrics_app` is served there, without TLS. `ready` is called once nobody
    is refused any more. Raises OSError before anything runs where an address is taken.
    """
    listeners = [(make_server(app, limits, tls), listen(host, port))]
    if metrics_listen:
        listeners.append((make_server(metrics_app, limits), listen(*metrics_listen)))
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, _stop, [server for server, _ in listeners])
    ready()
    try:
        await asyncio.gather(*(server.serve(sockets=[sock]) for server, sock in listeners))
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


def _stop(servers: list[EdgeServer]) -> None:
    for server in servers:
        server.should_exit = True
