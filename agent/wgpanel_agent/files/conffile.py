"""Files in /etc/wireguard: reading an operator's, and keeping the agent's own.

A file of the agent is always one committed generation: written beside its name, synced, renamed.
It follows a change by two seconds at most, so that a thousand changes are one write; a plain boot
by wg-quick@ then comes up right without the agent.
"""

import asyncio
import logging
import os
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from wgpanel_agent import grammar
from wgpanel_agent.desired.store import Kept
from wgpanel_agent.documents import InterfacePart, PeerPart
from wgpanel_agent.files.confrender import hooks, render
from wgpanel_agent.files.serverconf import BadConf, ServerConf, written_state
from wgpanel_agent.host import nat
from wgpanel_agent.host.routing import WantedRoutes

logger = logging.getLogger(__name__)

FOLDER = Path("/etc/wireguard")
BEFORE = "before-wgpanel"
DELAY = 1.5  # seconds from a change to its file; writing 20,000 peers takes half a second
RETRY = 30.0  # seconds after a failure, and between looks at who has expired


class Journal(Protocol):
    """What is to be written."""

    def whole(self, name: str) -> tuple[Kept, Mapping[str, PeerPart]] | None: ...


def path_of(folder: Path, name: str) -> Path:
    return folder / f"{name}.conf"


def private_key_in(path: Path) -> str | None:
    """The PrivateKey of the [Interface] section; None where no file of ours to read has one."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    section = ""
    for line in lines:
        name, _, value = line.partition("#")[0].partition("=")
        section = name.strip().lower() if name.strip().startswith("[") else section
        if section == "[interface]" and name.strip().lower() == "privatekey":
            return _valid(value.strip())
    return None


def _valid(key: str) -> str | None:
    try:
        return grammar.private_key(key)
    except grammar.InvalidDocument:
        return None


def is_ours(path: Path) -> bool:
    """Whether the agent wrote it. A file that cannot be read is not."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return written_state(file.readline()) is not None
    except OSError:
        return False


def replace_file(path: Path, text: str) -> None:
    """All of it or nothing, also if the power fails. Raises OSError, and then nothing changed."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def keep_as(path: Path, suffix: str) -> Path | None:
    """A second name for the file, which is never that of another; None if there is no file."""
    for number in range(1, 1000):
        name = f"{path.name}.{suffix}" + (f".{number}" if number > 1 else "")
        kept = path.with_name(name)
        try:
            os.link(path, kept, follow_symlinks=False)
        except FileExistsError:
            continue
        except FileNotFoundError:
            return None
        return kept
    raise FileExistsError(f"{path} was kept too often")


class ConfFiles:
    """Keeps the files of the interfaces that have a desired state, from the journal alone."""

    def __init__(
        self,
        journal: Journal,
        folder: Path = FOLDER,
        *,
        delay: float = DELAY,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.folder = folder
        self._journal = journal
        self._delay = delay
        self._clock = clock
        self._due: dict[str, asyncio.TimerHandle] = {}
        self._expiries: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._routes: defaultdict[str, WantedRoutes] = defaultdict(WantedRoutes)
        self._proven: dict[str, dict[str, PeerPart]] = {}  # as they are in a file of ours

    def changed(self, name: str) -> None:
        """Write the file soon; further changes until then go with it."""
        self._write_in(name, self._delay)

    async def flush(self) -> None:
        """Write now what is due, at the end of the agent; what cannot be written is logged."""
        names = [*self._due]
        for timers in (self._due, self._expiries):
            for timer in timers.values():
                timer.cancel()
            timers.clear()
        await asyncio.gather(*self._tasks, *(self._attempt(name) for name in names))

    async def write(self, name: str) -> None:
        """The journal as a file, now. Raises OSError or BadConf; the old file is then untouched."""
        async with self._turns[name]:
            self._forget_timers(name)
            expiry = await asyncio.to_thread(self._write, name)
        if expiry is not None:
            self._watch(name, expiry)

    async def wanted(self, name: str) -> ServerConf | None:
        """What the file should say now; None where there is nothing to say."""
        async with self._turns[name]:
            return await asyncio.to_thread(self._wanted, name)

    async def remove(self, name: str) -> None:
        """Nothing is desired any more; the file is kept under another name. Raises OSError."""
        async with self._turns[name]:
            self._forget_timers(name)
            path = path_of(self.folder, name)
            if is_ours(path) and keep_as(path, f"removed-{int(self._clock())}"):
                path.unlink()
                sync_folder(self.folder)
            nat.file_of(self.folder, name).unlink(missing_ok=True)
            self._routes.pop(name, None)
            self._proven.pop(name, None)

    def _write(self, name: str) -> int | None:
        """When the file will be out of date by itself, in Unix seconds."""
        found = self._journal.whole(name)
        if found is None:
            return None
        (kept, peers), now = found, self._clock()
        if kept.private_key is None:
            raise BadConf("its private key is not known yet")
        conf = self._conf(kept, kept.private_key, peers, now)
        self._put(name, kept.part, render(conf, self._proven.get(name)))
        self._proven[name] = {peer.public_key: peer for peer in conf.peers}
        ends = (it.expires_at for it in peers.values() if it.expires_at is not None)
        return min((at for at in ends if at > now), default=None)

    def _wanted(self, name: str) -> ServerConf | None:
        found = self._journal.whole(name)
        if found is None or found[0].private_key is None:
            return None
        kept, peers = found
        return self._conf(kept, kept.private_key or "", peers, self._clock())

    def _conf(
        self, kept: Kept, private_key: str, peers: Mapping[str, PeerPart], now: float
    ) -> ServerConf:
        ordered = [peers[key] for key in sorted(peers)]
        routes = self._routes[kept.name].of(kept.part, peers, now)
        lines = hooks(kept.name, kept.part, routes, self.folder)
        return ServerConf.of(kept.state, kept.part, private_key, ordered, hooks=lines, now=now)

    def _put(self, name: str, part: InterfacePart, text: str) -> None:
        """The nftables file goes first, since the other one loads it."""
        table, path = nat.file_of(self.folder, name), path_of(self.folder, name)
        if nat.is_wanted(part):
            replace_file(table, nat.render(name, part))
        if path.exists() and not is_ours(path):
            logger.warning("%s is kept as %s", path, keep_as(path, BEFORE))
        replace_file(path, text)
        if not nat.is_wanted(part):
            table.unlink(missing_ok=True)

    async def _attempt(self, name: str) -> None:
        try:
            await self.write(name)
        except (OSError, BadConf) as error:
            logger.error("the file of %s cannot be written: %s", name, error)
            self._write_in(name, RETRY)

    def _write_in(self, name: str, seconds: float) -> None:
        if name not in self._due:
            loop = asyncio.get_running_loop()
            self._due[name] = loop.call_later(seconds, self._begin, name)

    def _begin(self, name: str) -> None:
        self._due.pop(name, None)
        task = asyncio.create_task(self._attempt(name))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _watch(self, name: str, expiry: int) -> None:
        """Look at the clock now and then: it may be set."""
        seconds = max(0.0, expiry - self._clock())
        if not seconds:
            self._write_in(name, 0)
            return
        loop = asyncio.get_running_loop()
        wait = min(seconds, RETRY)
        self._expiries[name] = loop.call_later(wait, self._watch, name, expiry)

    def _forget_timers(self, name: str) -> None:
        for timers in (self._due, self._expiries):
            if name in timers:
                timers.pop(name).cancel()
