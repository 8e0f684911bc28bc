"""The commands of a page, and machines on which they are run as they stand."""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.command import ENVIRONMENT
from lab.host import Host

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```sh(?P<info>[^\n]*)\n(?P<code>.*?)^```$", re.M | re.S)
# what a command may write to, on a machine of its own
WRITABLE = ("/etc", "/opt", "/root", "/usr/lib", "/usr/local", "/var/lib")
STATE = "/root/.guide"  # where a machine keeps a shell's variables from block to block
REMEMBER = f"""
{{ declare -f; export -p; declare -p token node_id 2>/dev/null || :; echo "cd $PWD"; }} >{STATE}
"""
SECONDS = 180


@dataclass(frozen=True)
class Block:
    """One fenced block: on which machine it is run, or why on none."""

    line: int
    code: str
    machine: str
    why: str
    is_background: bool


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text()
    for match in FENCE.finditer(text):
        words = dict(word.partition("=")[::2] for word in shlex.split(match["info"]))
        line = text[: match.start()].count("\n") + 1
        yield Block(
            line, match["code"], words.get("walk", ""), words.get("why", ""), "background" in words
        )


class Machine:
    """A host of the lab whose files are its own: what is written there is gone with it."""

    def __init__(self, host: Host, addresses: dict[str, str]) -> None:
        self._host, self._addresses = host, addresses
        self._running: list[subprocess.Popen[bytes]] = []

    def make(self) -> None:
        """Lay a writable layer over the system, and the checkout where the page has it."""
        layers = self._host.folder / "layers"
        layers.mkdir()
        self.bash(f"mount -t tmpfs tmpfs {layers}")
        for path in WRITABLE:
            self.bash(OVERLAY.format(path=path, layer=f"{layers}{path}"))
        self.bash(
            f"mount --bind {self._host.wireguard_folder} /etc/wireguard\n"
            f"mkdir -p /opt/wgpanel /opt/wgpanel-agent/bin /etc/wgpanel-agent\n"
            f"mount --bind {ROOT} /opt/wgpanel\n"
            f"ln -s {ROOT}/.venv/bin/wgpanel-agent /opt/wgpanel-agent/bin/\n"
        )

    def run(self, block: Block) -> None:
        """Run it as the shell of an operator does, which remembers variables and folder."""
        before = f"[ ! -e {STATE} ] || . {STATE}\n"
        code = before + self._here(block.code)
        if block.is_background:
            self._running.append(self._start(code))
        else:
            self.bash(code + REMEMBER)

    def bash(self, code: str, stdin: str = "") -> str:
        """Return what it printed; AssertionError with its complaint when it fails."""
        words = self._host.namespace.words("bash", "-eu", "-c", code)
        done = subprocess.run(
            words, input=stdin, capture_output=True, text=True, check=False, timeout=SECONDS,
            env=_environment(),
        )  # fmt: skip
        assert done.returncode == 0, f"{code}\n{done.stdout[-1000:]}\n{done.stderr[-2000:]}"
        return done.stdout

    def stop(self) -> None:
        for child in self._running:
            child.terminate()
            child.wait(60)

    def _here(self, code: str) -> str:
        for written, real in self._addresses.items():
            code = code.replace(written, real)
        return code

    def _start(self, code: str) -> subprocess.Popen[bytes]:
        # exec: what is stopped later is the program, not a shell above it
        head, _, last = code.rstrip().rpartition("\n")
        words = self._host.namespace.words("bash", "-euc", f"{head}\nexec {last}")
        with (self._host.folder / "background.log").open("ab") as log:
            return subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_environment(),
                start_new_session=True,
            )  # fmt: skip


OVERLAY = """
mkdir -p {layer}/upper {layer}/work
mount -t overlay overlay -o lowerdir={path},upperdir={layer}/upper,workdir={layer}/work {path}
"""


def _environment() -> dict[str, str]:
    return {**ENVIRONMENT, "HOME": "/root", "LANG": os.environ.get("LANG", "C.UTF-8")}
