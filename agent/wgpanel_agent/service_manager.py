"""Tell the service manager how the agent is, as sd_notify(3) describes."""

import asyncio
import os
import socket
from collections.abc import Mapping

READY, ALIVE, STOPPING = b"READY=1", b"WATCHDOG=1", b"STOPPING=1"
MICROSECONDS = 1_000_000


class ServiceManager:
    """Who started this process, if it listens: a datagram socket, by path or abstract name."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        # the abstract namespace of unix(7)
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._patience = _watchdog_seconds(environment)

    def tell(self, news: bytes) -> None:
        """A manager that is gone or too busy to listen is no reason to stop carrying tunnels."""
        if not self._address:
            return
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        try:
            with socket.socket(socket.AF_UNIX, kind) as wire:
                wire.connect(self._address)
                wire.send(news)
        except OSError:
            return

    async def keep_alive(self) -> None:
        """Twice in the time that the manager waits; who hangs keeps silent, and is replaced."""
        while self._patience:
            self.tell(ALIVE)
            await asyncio.sleep(self._patience / 2)


def _watchdog_seconds(environment: Mapping[str, str]) -> float:
    """0 where nobody waits for this process."""
    meant = environment.get("WATCHDOG_PID", "") in ("", str(os.getpid()))
    told = environment.get("WATCHDOG_USEC", "")
    return int(told) / MICROSECONDS if meant and told.isdecimal() else 0.0
