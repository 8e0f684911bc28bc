"""The journal: what the panel wants of each interface, on disk before anything is done.

Committed in SQLite with a log and synchronous FULL, it survives kill -9 and a power loss, and is
always one whole generation. One row for each peer, so that a delta costs a delta; everything is in
memory as well, so that reading costs nothing. One process has it at a time. Methods wait for the
disk; a commit of many peers belongs in a thread.
"""

import logging
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from wgpanel_agent.desired.journal import (
    BrokenJournal,
    InterfaceRow,
    JournalFull,
    KeptAnswer,
    Rows,
    open_in_memory,
    open_journal,
    set_aside,
    transaction,
)
from wgpanel_agent.documents import Delta, InterfacePart, PeerPart, State, WholeDocument

__all__ = ["JournalFull", "Kept", "KeptAnswer", "Store"]

logger = logging.getLogger(__name__)

FILE = "journal.sqlite3"


@dataclass(frozen=True, slots=True)
class Kept:
    """One interface in the journal. `applied_generation` was last seen whole on the interface,
    at `applied_at` (Unix time); None if none was in this epoch."""

    name: str
    state: State
    part: InterfacePart
    private_key: str | None = field(default=None, repr=False)
    applied_generation: int | None = None
    applied_at: int | None = None

    @property
    def is_applied(self) -> bool:
        return self.applied_generation == self.state.generation


class Store:
    """The journal of one agent. What it has returned does not change when somebody commits."""

    def __init__(self, folder: Path | None, names: Iterable[str] = ()) -> None:
        """`names` are lost where the file turns out to be broken; it is then set aside. Raises
        OSError where the folder cannot be used or another agent has it. Without a folder, what
        is committed ends with the process."""
        self._lock = threading.Lock()
        self._kept: dict[str, Kept] = {}
        self._peers: dict[str, dict[str, PeerPart]] = {}
        self._keys: dict[str, str] = {}
        self._lost: set[str] = set()
        if folder is None:
            self._rows = Rows(open_in_memory())
        else:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._rows = self._opened(folder / FILE) or self._started_anew(folder / FILE, names)

    def names(self) -> list[str]:
        """The interfaces that have a desired state."""
        return list(self._kept)

    def lost_names(self) -> list[str]:
        """See `is_lost`."""
        return list(self._lost)

    def interface(self, name: str) -> Kept | None:
        """None without desired state, or where it is lost."""
        return self._kept.get(name)

    def peers(self, name: str) -> Mapping[str, PeerPart]:
        """The desired peers by key, the expired ones among them."""
        return self._peers.get(name, {})

    def whole(self, name: str) -> tuple[Kept, Mapping[str, PeerPart]] | None:
        """An interface and its peers, of one generation."""
        with self._lock:
            kept = self._kept.get(name)
            return (kept, self._peers[name]) if kept else None

    def is_lost(self, name: str) -> bool:
        """There was a desired state; the journal that had it was broken."""
        return name in self._lost

    def private_key(self, name: str) -> str | None:
        """The key kept for an interface, which may not have a desired state yet."""
        return self._keys.get(name)

    def commit_whole(self, name: str, document: WholeDocument) -> None:
        """From here on this is desired. Raises JournalFull, and then nothing has changed."""
        with self._lock:
            old, new = self._peers.get(name, {}), {it.public_key: it for it in document.peers}
            changed = [peer for key, peer in new.items() if old.get(key) != peer]
            kept = self._moved(name, document.state, document.interface)
            with transaction(self._rows.connection):
                self._rows.remove_peers(name, old.keys() - new.keys())
                self._rows.put_peers(name, changed)
                self._rows.put_interface(_row(kept))
                self._rows.find_again(name)
            self._kept[name], self._peers[name] = kept, new
            self._lost.discard(name)

    def commit_delta(self, name: str, delta: Delta) -> None:
        """From here on this is desired as well. Raises JournalFull, and then nothing changed."""
        with self._lock:
            new = self._peers[name] | {it.public_key: it for it in delta.upsert}
            for key in delta.remove:
                new.pop(key, None)
            kept = self._moved(name, delta.state, self._kept[name].part)
            with transaction(self._rows.connection):
                self._rows.remove_peers(name, delta.remove)
                self._rows.put_peers(name, delta.upsert)
                self._rows.put_interface(_row(kept))
            self._kept[name], self._peers[name] = kept, new

    def mark_applied(self, name: str, generation: int) -> None:
        """The interface was seen to be as this generation wants it; a power loss may forget that,
        and repair will see it again. Raises JournalFull."""
        with self._lock:
            now = int(time.time())
            kept = replace(self._kept[name], applied_generation=generation, applied_at=now)
            with transaction(self._rows.connection, is_lasting=False):
                self._rows.put_interface(_row(kept))
            self._kept[name] = kept

    def keep_private_key(self, name: str, key: str) -> None:
        """Before the interface is made with it. Raises JournalFull."""
        with self._lock:
            with transaction(self._rows.connection):
                self._rows.put_private_key(name, key)
            self._keys[name] = key
            if name in self._kept:
                self._kept[name] = replace(self._kept[name], private_key=key)

    def mark_lost(self, name: str) -> None:
        """Remember that there must have been a desired state. Raises JournalFull; then it is
        remembered until the end of the agent."""
        with self._lock:
            self._lost.add(name)
            with transaction(self._rows.connection):
                self._rows.lose(name)

    def forget(self, name: str) -> None:
        """Nothing is desired of it any more, and its key is gone. Raises JournalFull."""
        with self._lock:
            with transaction(self._rows.connection):
                self._rows.forget(name)
            for known in (self._kept, self._peers, self._keys):
                known.pop(name, None)
            self._lost.discard(name)

    def answer(self, key: str, since: int) -> KeptAnswer | None:
        """What was answered after `since` (Unix time) to the write with this Idempotency-Key."""
        with self._lock:
            return self._rows.answer(key, since)

    def keep_answer(self, key: str, interface: str, kept: KeptAnswer, since: int) -> None:
        """What is from before `since` can go. A power loss may forget it: then the generation
        tells that the write was done. Raises JournalFull."""
        with self._lock, transaction(self._rows.connection, is_lasting=False):
            self._rows.put_answer(key, interface, kept, since)

    def close(self) -> None:
        """Another process may have it."""
        self._rows.connection.close()

    def _opened(self, path: Path) -> Rows | None:
        """None where it was broken, and is set aside now."""
        rows = None
        try:
            rows = Rows(open_journal(path))
            self._load(rows)
        except BrokenJournal as error:
            if rows:
                rows.connection.close()
            logger.error("the journal is broken (%s): kept as %s", error, set_aside(path))
            return None
        return rows

    def _started_anew(self, path: Path, names: Iterable[str]) -> Rows:
        """Whatever was desired of these is lost, until a whole document comes."""
        rows = Rows(open_journal(path))
        self._lost = set(names)
        with transaction(rows.connection):
            for name in self._lost:
                rows.lose(name)
        return rows

    def _load(self, rows: Rows) -> None:
        keys, lost, interfaces = rows.private_keys(), rows.lost(), rows.interfaces()
        peers = {row.name: rows.peers(row) for row in interfaces}
        self._keys, self._lost, self._peers = keys, lost, peers
        self._kept = {row.name: _kept(row, keys.get(row.name)) for row in interfaces}

    def _moved(self, name: str, state: State, part: InterfacePart) -> Kept:
        """What was applied of another epoch counts for nothing."""
        old = self._kept.get(name)
        if old is None or old.state.epoch != state.epoch:
            return Kept(name, state, part, self._keys.get(name))
        return replace(old, state=state, part=part)


def _kept(row: InterfaceRow, private_key: str | None) -> Kept:
    return Kept(row.name, row.state, row.part, private_key, row.applied_generation, row.applied_at)


def _row(kept: Kept) -> InterfaceRow:
    return InterfaceRow(kept.name, kept.state, kept.part, kept.applied_generation, kept.applied_at)
