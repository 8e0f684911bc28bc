"""The agent tells whoever started it that it serves, lives and stops."""

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from wgpanel_agent.service_manager import READY, ServiceManager

PATIENCE = 30.0  # seconds


@contextmanager
def manager(address: str) -> Iterator[socket.socket]:
    """What systemd listens with."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
        wire.bind(address.replace("@", "\0", 1))
        wire.settimeout(PATIENCE)
        yield wire


def falls_silent(wire: socket.socket) -> bool:
    """After what it had said before."""
    wire.settimeout(1.0)
    try:
        for _ in range(20):
            wire.recv(100)
    except TimeoutError:
        return True
    return False


@pytest.fixture
def agent(tmp_path: Path, unused_tcp_port: int) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts the real one, which manages nothing."""
    (tmp_path / "secret").touch(0o600)
    (tmp_path / "secret").write_text("kX2v7Qm4Zt9Lw1Rb6Ny3Hc8Jd5Gf0PsAAgent")
    settings = {
        "PATH": os.environ["PATH"],
        "WGPANEL_AGENT_CONFIG": str(tmp_path / "agent.toml"),
        "WGPANEL_AGENT_NODE_ID": "node-1",
        "WGPANEL_AGENT_SECRET_FILE": str(tmp_path / "secret"),
        "WGPANEL_AGENT_STATE_DIR": str(tmp_path / "state"),
        "WGPANEL_AGENT_LISTEN": f"127.0.0.1:{unused_tcp_port}",
    }
    (tmp_path / "agent.toml").touch()
    started: list[subprocess.Popen[bytes]] = []

    def start(**more: str) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-m", "wgpanel_agent", "run"]
        started.append(subprocess.Popen(words, env=settings | more))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_who_is_told_that_it_is_ready_is_served_and_hears_of_its_end(
    kind: str, agent: Callable[..., subprocess.Popen[bytes]], tmp_path: Path, unused_tcp_port: int
) -> None:
    address = str(tmp_path / "n") if kind == "path" else f"@wgpanel-{tmp_path.name}-{os.getpid()}"
    with manager(address) as wire:
        process = agent(NOTIFY_SOCKET=address)
        assert wire.recv(100) == b"READY=1"
        connection = http.client.HTTPConnection("127.0.0.1", unused_tcp_port, timeout=PATIENCE)
        connection.request("GET", "/health")
        assert connection.getresponse().status == 200
        process.send_signal(signal.SIGTERM)
        assert wire.recv(100) == b"STOPPING=1"
        assert process.wait(PATIENCE) == 0


def test_it_says_that_it_lives_as_often_as_the_watchdog_wants(
    agent: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    with manager(str(tmp_path / "n")) as wire:
        process = agent(NOTIFY_SOCKET=str(tmp_path / "n"), WATCHDOG_USEC="200000")
        heard = [wire.recv(100) for _ in range(6)]
        assert heard.count(b"WATCHDOG=1") >= 4
        process.send_signal(signal.SIGSTOP)  # as one whose event loop hangs
        assert falls_silent(wire)


async def test_a_watchdog_of_another_process_is_none_of_ours(tmp_path: Path) -> None:
    told = {"NOTIFY_SOCKET": str(tmp_path / "n"), "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1"}
    with manager(str(tmp_path / "n")) as wire:
        await ServiceManager(told).keep_alive()
        wire.setblocking(False)
        with pytest.raises(BlockingIOError):
            wire.recv(100)


@pytest.mark.parametrize("address", ["", "/nowhere/notify", "@nobody-listens-here"])
def test_without_a_manager_that_listens_nothing_happens(address: str) -> None:
    assert ServiceManager({"NOTIFY_SOCKET": address}).tell(READY) is None
