"""Thousands of fake agents in one process, for benchmarks of the poller.

    with FakeFleet(5000, dead_share=0.2) as fleet:
        fleet.agents      # node_id, secret, url of each

Each agent has a loopback address of its own, so that a client keeps a connection for each.
"""

import hashlib
import json
import socket
import subprocess
import sys
from dataclasses import asdict, dataclass
from functools import cached_property
from ipaddress import IPv4Address
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Literal
from uuid import UUID

from wgpanel_agent.joining.certificate import CERTIFICATE_FILE, make, pin_of_file

from lab.errors import LabError

ROOT = Path(__file__).resolve().parent.parent
FIRST_ADDRESS = IPv4Address("127.64.0.1")
MOST = 2**21  # up to 127.95.255.255
STOP_SECONDS = 10.0
KEY_SEQ = 1  # the number of a secret that was pasted, not rotated

Death = Literal["silent", "refusing"]


@dataclass(frozen=True)
class FakeAgent:
    """What a panel has to know to ask it."""

    node_id: str
    secret: str
    url: str
    is_dead: bool
    tls_pin: str = ""


@dataclass(frozen=True)
class Scenery:
    """All that both processes have to agree on. `dead` agents come first."""

    seed: str
    count: int
    dead: int
    delay_seconds: float
    signed: bool
    tls_folder: str | None = None

    def node_id(self, index: int) -> str:
        return str(UUID(bytes=self.random_bytes("node", index)[:16], version=4))

    def secret(self, index: int) -> str:
        return self.random_bytes("secret", index).hex()

    def random_bytes(self, purpose: str, index: int) -> bytes:
        """32 bytes that look random and are the same in both processes."""
        return hashlib.sha256(f"{self.seed} {purpose} {index}".encode()).digest()


def address_of(index: int) -> str:
    return str(FIRST_ADDRESS + index)


def index_of(address: str) -> int:
    return int(IPv4Address(address)) - int(FIRST_ADDRESS)


class FakeFleet:
    """`count` agents that answer GET /v1/status after `delay_seconds`.

    A share of them is dead: "silent" ones accept and never answer, "refusing" ones have no open
    port. Not `signed` is for measuring what a fan-out costs without signatures. With `tls` they
    all show one certificate: who calls makes a connection for each, as to real ones.
    """

    def __init__(
        self,
        count: int,
        *,
        delay_seconds: float = 0.03,
        dead_share: float = 0.0,
        death: Death = "silent",
        signed: bool = True,
        tls: bool = False,
    ) -> None:
        if not 0 < count <= MOST:
            raise LabError(f"a fake fleet has 1 to {MOST} agents")
        dead = round(count * dead_share)
        self.agents: list[FakeAgent] = []
        self._folder = TemporaryDirectory(prefix="wgpanel-fake-tls-") if tls else None
        folder = self._folder.name if self._folder else None
        self._scenery = Scenery(token_hex(16), count, dead, delay_seconds, signed, folder)
        self._death = death
        self._closed_port = socket.socket()
        self._server: subprocess.Popen[str] | None = None

    def __enter__(self) -> "FakeFleet":
        if self._folder:
            make(Path(self._folder.name))
        self._closed_port.bind(("127.0.0.1", 0))  # bound and not listening: refuses, and stays so
        self._server = subprocess.Popen(
            [sys.executable, "-m", "lab.fake_server"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        port = self._introduce(self._server)
        self.agents = [self._agent(index, port) for index in range(self._scenery.count)]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closed_port.close()
        if self._server is not None:
            self._server.communicate(timeout=STOP_SECONDS)  # it ends when its input does
        if self._folder:
            self._folder.cleanup()

    def _introduce(self, server: subprocess.Popen[str]) -> int:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps(asdict(self._scenery)) + "\n")
        server.stdin.flush()
        port = server.stdout.readline()
        if not port:
            self.__exit__(None, None, None)
            raise LabError(f"the fake agents do not start: exit code {server.returncode}")
        return int(port)

    def _agent(self, index: int, port: int) -> FakeAgent:
        dead = index < self._scenery.dead
        refusing = dead and self._death == "refusing"
        host = "127.0.0.1" if refusing else address_of(index)
        port = self._closed_port.getsockname()[1] if refusing else port
        scenery = self._scenery
        scheme = "https" if self._folder else "http"
        url = f"{scheme}://{host}:{port}"
        return FakeAgent(scenery.node_id(index), scenery.secret(index), url, dead, self._pin)

    @cached_property
    def _pin(self) -> str:
        return pin_of_file(Path(self._folder.name, CERTIFICATE_FILE)) if self._folder else ""
