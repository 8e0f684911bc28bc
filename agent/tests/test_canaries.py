"""A57: the secret of a running agent is in its memory, and nowhere that others look."""

import resource
import secrets
import socket
import stat
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

CANARY = f"cnry-{secrets.token_hex(20)}"
TIMEOUT_SECONDS = 60


class Running:
    """`wgpanel-agent run` in a process of its own, that logs all it can."""

    def __init__(self, folder: Path, given_by: str) -> None:
        self.state, self.log = folder / "state", folder / "log"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "wgpanel_agent", "run"],
                env=self._environment(folder, given_by), stdout=log, stderr=log,
            )  # fmt: skip

    def _environment(self, folder: Path, given_by: str) -> dict[str, str]:
        settings = {
            "node_id": "node-1", "listen": f"127.0.0.1:{self.port}", "log_level": "debug",
            "state_dir": str(self.state), "look_seconds": "0.2",
        }  # fmt: skip
        if given_by == "file":
            secret = folder / "secret"
            secret.touch(0o600)
            secret.write_text(CANARY)
            settings["secret_file"] = str(secret)
        else:
            settings["secret"] = CANARY
        own = {f"WGPANEL_AGENT_{name.upper()}": value for name, value in settings.items()}
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **own}

    def wait(self) -> None:
        end = time.monotonic() + TIMEOUT_SECONDS
        while self.process.poll() is None and time.monotonic() < end:
            try:
                self.answers = self.ask("/health") + self.ask("/v1/status")
            except ConnectionRefusedError:
                time.sleep(0.1)
            else:
                return
        raise TimeoutError(self.log.read_text())

    def ask(self, path: str) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as sock:
            head = f"GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: {CANARY}\r\n\r\n"
            sock.sendall(head.encode())
            return sock.recv(65536)

    def proc(self, name: str) -> bytes:
        return Path(f"/proc/{self.process.pid}/{name}").read_bytes()


@pytest.fixture(params=["file", "environment"])
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    agent = Running(tmp_path, request.param)
    try:
        agent.wait()
        yield agent
    finally:
        agent.process.terminate()
        agent.process.wait(timeout=TIMEOUT_SECONDS)


def leaks(content: bytes) -> bool:
    raw = CANARY.encode()
    spellings = (raw, raw.hex().encode(), b64encode(raw).rstrip(b"="))
    return any(spelling in content for spelling in spellings)


def test_a_running_agent_keeps_its_secret_to_itself(running: Running) -> None:
    told = {name: running.proc(name) for name in ("environ", "cmdline")}
    assert b"WGPANEL_AGENT_NODE_ID" in told["environ"]
    assert b"wgpanel_agent" in told["cmdline"]
    told |= {"log": running.log.read_bytes(), "answers": running.answers}
    assert b"HTTP/1.1 200" in told["answers"]
    assert told["log"]
    assert [name for name, content in told.items() if leaks(content)] == []


def test_a_running_agent_leaves_no_core(running: Running) -> None:
    assert resource.prlimit(running.process.pid, resource.RLIMIT_CORE) == (0, 0)


def test_what_a_running_agent_writes_is_for_its_owner_alone(running: Running) -> None:
    paths = [running.state, *running.state.rglob("*")]
    files = [path for path in paths if path.is_file()]
    assert files
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in paths}
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}
    assert [path.name for path in files if leaks(path.read_bytes())] == []
