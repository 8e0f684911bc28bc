"""Servers on which the line of "Add node" is pasted: a folder of this one, or a bare Debian 12."""

import os
import shlex
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

from wgpanel_agent.joining.certificate import pin_of_file

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "var" / "bare-bookworm.tar"
MADE_BY = (
    "mmdebstrap", "--quiet", "--variant=minbase", "--include=curl,ca-certificates",
    # this machine's own certificates come along, so that pip reaches what it reaches here
    '--customize-hook=mkdir -p "$1/usr/local/share/ca-certificates"',
    "--customize-hook=cp -rT /usr/local/share/ca-certificates"
    ' "$1/usr/local/share/ca-certificates"',
    '--customize-hook=chroot "$1" update-ca-certificates >/dev/null 2>&1',
    "bookworm",
)  # fmt: skip
SECONDS = 900
CARRIED = "/root/carried"


class Server:
    """Below `top` are its files; every path on it is given as on a real one."""

    def __init__(self, top: Path) -> None:
        self.top, self.further = top, ""
        with socket.create_server(("127.0.0.1", 0)) as sock:
            self.port = sock.getsockname()[1]

    def path(self, name: str) -> Path:
        return self.top / name.lstrip("/")

    def words(self, script: str) -> tuple[list[str], dict[str, str]]:
        raise NotImplementedError

    def paste(self, line: str) -> subprocess.CompletedProcess[str]:
        """With a port that is free here; everything else is as the page says."""
        words, environment = self.words(f"{line} --listen 127.0.0.1:{self.port}{self.further}")
        return subprocess.run(
            words, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS
        )

    def carry(self, files: dict[str, bytes]) -> None:
        """Put the files into one folder, from which `begin` starts."""
        self.path(CARRIED).mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (self.path(CARRIED) / name).write_bytes(content)

    def begin(self, line: str) -> "subprocess.Popen[str]":
        """Paste the line of a node that is called, where the files were carried to."""
        folder = shlex.quote(str(self.own(CARRIED)))
        words, environment = self.words(f"cd {folder} && {line}{self.further}")
        return subprocess.Popen(
            words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def start(self) -> "subprocess.Popen[bytes]":
        """The agent by hand, as the unit starts it."""
        command = f"exec {shlex.quote(str(self.own('/opt/wgpanel-agent/bin/wgpanel-agent')))} run"
        words, environment = self.words(command)
        return subprocess.Popen(words, env=environment, stderr=subprocess.PIPE)

    def own(self, name: str) -> Path:
        """The path as a program on it sees it."""
        return Path(name)

    def mode(self, name: str) -> str:
        return f"{self.path(name).stat().st_mode & 0o777:04o}"

    @property
    def pin(self) -> str:
        return pin_of_file(self.path("/var/lib/wgpanel-agent/tls/agent.crt"))


class Folder(Server):
    """This machine's Debian and Python, and all that is written below a folder."""

    def __init__(self, top: Path) -> None:
        super().__init__(top)
        self.further = f" --state-dir {self.path('/var/lib/wgpanel-agent')}"

    def words(self, script: str) -> tuple[list[str], dict[str, str]]:
        prefix = {"WGPANEL_PREFIX": str(self.top)}
        config = {"WGPANEL_AGENT_CONFIG": str(self.path("/etc/wgpanel-agent/agent.toml"))}
        return ["sh", "-c", script], {**os.environ, **prefix, **config}

    def own(self, name: str) -> Path:
        return self.path(name)


class BareDebian(Server):
    """A root with what a minimal image has; it shares this machine's network."""

    def __init__(self, top: Path) -> None:
        super().__init__(top)
        if not KEPT.exists():
            draft = KEPT.with_suffix(f".{os.getpid()}.tar")
            KEPT.parent.mkdir(exist_ok=True)
            subprocess.run([*MADE_BY, draft], check=True, capture_output=True, timeout=SECONDS)
            draft.replace(KEPT)
        subprocess.run(["tar", "-xf", KEPT, "-C", top], check=True)

    def words(self, script: str) -> tuple[list[str], dict[str, str]]:
        """In a mount namespace of its own, so that nothing stays mounted."""
        top = shlex.quote(str(self.top))
        inside = f"mount -t proc proc {top}/proc && exec chroot {top} sh -c {shlex.quote(script)}"
        words = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", inside]
        plain = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
        return words, {**plain, **_way_to_packages()}


def why_not() -> str | None:
    """What a bare Debian lacks here."""
    if os.geteuid() != 0:
        return "root is needed to unpack a Debian"
    missing = [name for name in ("mmdebstrap", "unshare", "tar") if shutil.which(name) is None]
    return f"{missing[0]} is not installed" if missing else None


def _way_to_packages() -> dict[str, str]:
    """How pip reaches its index here, where an environment says it."""
    named: dict[str, Any] = {key: it for key, it in os.environ.items() if key.startswith("PIP_")}
    return {key: it for key, it in named.items() if "/" not in it or "://" in it}
