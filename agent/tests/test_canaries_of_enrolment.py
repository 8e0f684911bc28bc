"""A57: a token that a node joins with is in its memory, and nowhere that others look."""

import os
import resource
import secrets
import socket
import stat
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

LOOKUP, SECRET = secrets.token_hex(12), f"{secrets.token_urlsafe(31)[:42]}A"
TOKEN = f"{LOOKUP}.{SECRET}"
SPELLINGS = (SECRET, SECRET.encode().hex(), b64encode(SECRET.encode()).decode().rstrip("="))


def leaks(content: bytes) -> bool:
    return any(spelling.encode() in content for spelling in SPELLINGS)


class Enrolling:
    """`wgpanel-agent enrol` that waits for its panel, with the token given in one of its ways."""

    def __init__(self, folder: Path, given: list[str]) -> None:
        self.folder, self.temporary = folder, folder / "tmp"
        self.temporary.mkdir()
        words = ["enrol", "--wait", "5", "--listen", f"127.0.0.1:{_free_port()}", *given]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "wgpanel_agent", *words, "--state-dir", str(folder / "state")],
            env={
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TMPDIR": str(self.temporary),
                "WGPANEL_AGENT_CONFIG": str(folder / "etc" / "agent.toml"),
            },
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert self.process.stdout
        self.said = self.process.stdout.readline()

    def proc(self, name: str) -> bytes:
        return Path(f"/proc/{self.process.pid}/{name}").read_bytes()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture(params=["apart", "together", "file"])
def enrolling(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Enrolling]:
    kept = tmp_path / "token"
    kept.write_text(f"{TOKEN}\n")
    given = {
        "apart": ["--token", TOKEN], "together": [f"--token={TOKEN}"],
        "file": ["--token", f"@{kept}"],
    }[request.param]  # fmt: skip
    running = Enrolling(tmp_path, given)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.communicate()


def test_a_token_is_in_no_process_table_no_output_and_no_core(enrolling: Enrolling) -> None:
    assert enrolling.said.startswith(b"waiting on 127.0.0.1:")
    told = {name: enrolling.proc(name) for name in ("environ", "cmdline")}
    assert b"--token" in told["cmdline"]
    assert [name for name, content in told.items() if leaks(content)] == []
    assert not leaks(enrolling.said)
    assert resource.prlimit(enrolling.process.pid, resource.RLIMIT_CORE) == (0, 0)
    descriptors = os.listdir(f"/proc/{enrolling.process.pid}/fd")
    links = [os.readlink(f"/proc/{enrolling.process.pid}/fd/{fd}") for fd in descriptors]
    assert [link for link in links if "wgpanel-agent-secret" in link] == []


def test_what_a_node_writes_while_it_joins_is_for_its_owner_alone(enrolling: Enrolling) -> None:
    draft = enrolling.folder / "state" / "joining"
    paths = [draft.parent, draft, *draft.iterdir()]
    assert {"draft.json", "agent.key", "agent.crt"} <= {path.name for path in paths}
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in paths}
    assert {name for name, mode in modes.items() if mode & 0o077} == {"agent.crt"}  # public
    files = [path for path in enrolling.folder.rglob("*") if path.is_file()]
    assert {path.name for path in files if leaks(path.read_bytes())} <= {"token"}  # the operator's
    assert list(enrolling.temporary.iterdir()) == []
