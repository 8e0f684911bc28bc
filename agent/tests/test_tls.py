"""The certificate of the agent, and the listener that shows it: A32 and A39 from its side."""

import hashlib
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from wgpanel_agent.api.limits import Limits
from wgpanel_agent.config import ConfigError, load
from wgpanel_agent.joining.certificate import make, pin_of_file
from wgpanel_agent.tls import BadCertificate, Identity, client_context, find, server_context

HEALTH = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
HASTE = Limits(request_time=0.5, idle_time=0.5, answer_time=1)
SECRET = "kX2v7Qm4Zt9Lw1Rb6Ny3Hc8Jd5Gf0PsAAgent"


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    folder = tmp_path_factory.mktemp("tls")
    make(folder)
    return Identity(folder / "agent.crt", folder / "agent.key")


@dataclass
class Door:
    """Where an agent speaks TLS."""

    address: tuple[str, int]

    def knock(self, context: ssl.SSLContext | None = None) -> ssl.SSLSocket:
        plain = socket.create_connection(self.address, timeout=15)
        return (context or client_context()).wrap_socket(plain)

    def is_open(self) -> bool:
        with self.knock() as sock:
            sock.sendall(HEALTH)
            return sock.recv(65536).startswith(b"HTTP/1.1 200 OK")


@pytest.fixture
def open_door(start_edge: Callable[..., Any], identity: Identity) -> Callable[..., Door]:
    return lambda limits=None: Door(start_edge(limits, server_context(identity)).address)


def environment(tmp_path: Path, **settings: str) -> dict[str, str]:
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    values = {"node_id": "node-1", "secret_file": str(secret), "state_dir": str(tmp_path)}
    return {f"WGPANEL_AGENT_{name.upper()}": it for name, it in (values | settings).items()}


def test_a_key_is_for_its_owner_alone(identity: Identity) -> None:
    assert identity.key.stat().st_mode & 0o777 == 0o600


def test_each_certificate_is_another(tmp_path: Path) -> None:
    make(tmp_path)
    first = pin_of_file(tmp_path / "agent.crt")
    make(tmp_path)
    assert pin_of_file(tmp_path / "agent.crt") != first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["agent.crt", "agent.key"]


def test_the_pin_is_the_sha_256_of_what_is_shown(
    open_door: Callable[..., Door], identity: Identity
) -> None:
    with open_door().knock() as sock:
        shown = sock.getpeercert(binary_form=True) or b""
    assert hashlib.sha256(shown).hexdigest() == pin_of_file(identity.certificate)


@pytest.mark.parametrize("content", ["", "no certificate", "-----BEGIN CERTIFICATE-----\n"])
def test_a_file_without_a_certificate_has_no_pin(tmp_path: Path, content: str) -> None:
    (tmp_path / "agent.crt").write_text(content)
    with pytest.raises(ValueError, match="PEM"):
        pin_of_file(tmp_path / "agent.crt")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_of_today_is_spoken(open_door: Callable[..., Door], version: ssl.TLSVersion) -> None:
    context = client_context()
    context.minimum_version = context.maximum_version = version
    with open_door().knock(context) as sock:
        assert sock.version() == version.name.replace("v1_", "v1.")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_a32_tls_of_yesterday_is_refused(
    open_door: Callable[..., Door], version: ssl.TLSVersion
) -> None:
    context = client_context()
    context.set_ciphers("ALL:@SECLEVEL=0")  # else our own side would not even offer it
    context.minimum_version = context.maximum_version = version
    door = open_door()
    with pytest.raises(ssl.SSLError):
        door.knock(context)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert door.knock(context).version() == "TLSv1.2"


def test_a32_plain_http_gets_no_answer_on_the_port(open_door: Callable[..., Door]) -> None:
    door = open_door()
    with socket.create_connection(door.address, timeout=15) as sock:
        sock.sendall(HEALTH)
        assert sock.recv(65536)[:4] != b"HTTP"
    assert door.is_open()


def test_a39_whoever_does_not_shake_hands_is_closed_in_time(
    open_door: Callable[..., Door],
) -> None:
    door = open_door(HASTE)
    with socket.create_connection(door.address, timeout=15) as sock:
        began = time.monotonic()
        assert sock.recv(65536) == b""
        assert time.monotonic() - began < 5


def test_a39_many_that_do_not_shake_hands_keep_nobody_out(open_door: Callable[..., Door]) -> None:
    door = open_door()
    silent = [socket.create_connection(door.address) for _ in range(300)]
    try:
        began = time.monotonic()
        assert door.is_open()
        assert time.monotonic() - began < 5
    finally:
        for sock in silent:
            sock.close()


def test_a39_a_slow_request_and_an_idle_connection_are_closed_in_tls_as_well(
    open_door: Callable[..., Door],
) -> None:
    door = open_door(HASTE)
    with door.knock() as slow, door.knock() as idle:
        slow.sendall(HEALTH[:10])
        assert slow.recv(65536).startswith(b"HTTP/1.1 408")
        assert b"".join(iter(lambda: _rest(idle), b"")) == b""


def _rest(sock: ssl.SSLSocket) -> bytes:
    try:
        return sock.recv(65536)
    except (ssl.SSLEOFError, ConnectionResetError):  # closed without a farewell
        return b""


def test_the_files_that_joining_left_are_found(tmp_path: Path) -> None:
    make(tmp_path / "tls")
    config = load(environment(tmp_path, listen="203.0.113.7:8080"))
    assert config.tls == (tmp_path / "tls/agent.crt", tmp_path / "tls/agent.key")


def test_without_a_certificate_it_is_plain_http_and_stays_at_home(tmp_path: Path) -> None:
    assert load(environment(tmp_path)).tls is None
    with pytest.raises(ConfigError, match="plain HTTP"):
        load(environment(tmp_path, listen="203.0.113.7:8080"))


def test_half_a_pair_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadCertificate, match="belong together"):
        find(tmp_path, tmp_path / "agent.crt", None)


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "tls")
    (tmp_path / "tls/agent.key").chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        load(environment(tmp_path))


def test_a_key_of_another_certificate_is_refused(tmp_path: Path, identity: Identity) -> None:
    make(tmp_path)
    with pytest.raises(BadCertificate, match="cannot use"):
        server_context(Identity(tmp_path / "agent.crt", identity.key))


def test_the_command_prints_the_pin(tmp_path: Path) -> None:
    make(tmp_path / "tls")
    said = subprocess.run(
        [sys.executable, "-m", "wgpanel_agent", "pin"],
        env=os.environ | environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == pin_of_file(tmp_path / "tls/agent.crt") + "\n"


def test_a_running_agent_carries_no_cryptography() -> None:
    program = "import sys, wgpanel_agent.running; print('cryptography' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert said.stdout == b"False\n"
