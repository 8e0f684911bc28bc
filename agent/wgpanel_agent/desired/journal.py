"""The journal's file: opened and checked, its rows, and what becomes of a broken one.

SQLite notices a damaged page, but not a damaged value: so small rows carry a seal, and the parts
of a state are compared with its hash.
"""

import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wgpanel_agent.documents import InterfacePart, PeerPart, State, state_hash
from wgpanel_agent.documents.parts import canonical

VERSION = 1
PRAGMAS = (
    "locking_mode = EXCLUSIVE",  # two agents cannot share it, and the log needs no shared memory
    "journal_mode = WAL",
    "secure_delete = ON",
)
SCHEMA = """
CREATE TABLE interface (
    name TEXT PRIMARY KEY,
    epoch TEXT NOT NULL,
    generation INTEGER NOT NULL,
    hash TEXT NOT NULL,
    part TEXT NOT NULL,
    applied_generation INTEGER,
    applied_at INTEGER,
    seal TEXT NOT NULL
) STRICT;
CREATE TABLE peer (
    interface TEXT NOT NULL,
    public_key TEXT NOT NULL,
    part TEXT NOT NULL,
    PRIMARY KEY (interface, public_key)
) STRICT, WITHOUT ROWID;
CREATE TABLE private_key (
    interface TEXT PRIMARY KEY,
    private_key TEXT NOT NULL,
    seal TEXT NOT NULL
) STRICT;
CREATE TABLE lost (interface TEXT PRIMARY KEY) STRICT;
"""
# Came later, and an agent without it can still use the file.
ANSWERS = """
CREATE TABLE IF NOT EXISTS answer (
    key TEXT PRIMARY KEY,
    interface TEXT NOT NULL,
    asked TEXT NOT NULL,
    status INTEGER NOT NULL,
    body BLOB NOT NULL,
    headers TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS answer_at ON answer (at);
"""
FORGET = (
    "DELETE FROM peer WHERE interface = ?",
    "DELETE FROM private_key WHERE interface = ?",
    "DELETE FROM lost WHERE interface = ?",
    "DELETE FROM answer WHERE interface = ?",
    "DELETE FROM interface WHERE name = ?",
)


# What says nothing about the content: locked by another agent, no permission, a failing disk.
UNUSABLE = (
    *("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_CANTOPEN", "SQLITE_PERM"),
    *("SQLITE_READONLY", "SQLITE_FULL", "SQLITE_IOERR"),
)


class BrokenJournal(Exception):
    """There is a file, and it is not what was written."""


class JournalFull(OSError):
    """It could not be written: the disk is full, read-only or failing. Nothing has changed."""


def open_journal(path: Path) -> sqlite3.Connection:
    """The file, made if it is missing. Raises BrokenJournal, or OSError where it cannot be used."""
    log = path.with_name(f"{path.name}-wal")
    is_new = not path.exists()
    if log.exists() if is_new else not path.stat().st_size:
        raise BrokenJournal("it is empty, or missing beside its log")
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    try:
        return _connected(path, is_new=is_new)
    except (sqlite3.Error, ValueError) as error:
        name = _named(error)
        if name.startswith(UNUSABLE):
            raise OSError(f"cannot use {path}: {name}") from error
        raise BrokenJournal(name) from None  # its message may quote a key


def open_in_memory() -> sqlite3.Connection:
    """A journal that ends with the process."""
    return _connected(":memory:", is_new=True)


def _connected(path: Path | str, *, is_new: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        if is_new:
            connection.executescript(f"BEGIN;{SCHEMA}PRAGMA user_version = {VERSION};COMMIT;")
        _check(connection)
        connection.executescript(f"BEGIN;{ANSWERS}COMMIT;")
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection) -> None:
    (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if verdict != "ok" or version == 0:
        raise BrokenJournal("SQLite's integrity check fails")
    if version > VERSION:
        raise OSError(f"the journal is of a newer agent, version {version}")


def _named(error: Exception) -> str:
    """SQLite's name of the error. Never its message, which may quote a row, and so a key."""
    return str(getattr(error, "sqlite_errorname", type(error).__name__))


def set_aside(path: Path) -> Path:
    """Keep it for whoever wants to look, with its log; returns the new name."""
    kept = path.with_name(f"{path.name}.broken-{int(time.time())}")
    for suffix in ("", "-wal"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.replace(kept.with_name(kept.name + suffix))
    return kept


@contextmanager
def transaction(connection: sqlite3.Connection, *, is_lasting: bool = True) -> Iterator[None]:
    """All or nothing. Raises JournalFull. What need not last through a power loss does not wait
    for the disk; whatever comes after it and must last takes it along."""
    try:
        connection.execute(f"PRAGMA synchronous = {'FULL' if is_lasting else 'NORMAL'}")
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        raise JournalFull(_named(error)) from error
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _seal(*values: object) -> str:
    """Finds a value that the disk has changed."""
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class InterfaceRow:
    """One interface as it is stored."""

    name: str
    state: State
    part: InterfacePart
    applied_generation: int | None
    applied_at: int | None

    def values(self) -> tuple[Any, ...]:
        state = self.state
        columns = (
            *(self.name, state.epoch, state.generation, state.hash),
            *(canonical(self.part.as_json()), self.applied_generation, self.applied_at),
        )
        return (*columns, _seal(*columns))

    @classmethod
    def read(cls, row: tuple[Any, ...]) -> "InterfaceRow":
        *columns, told = row
        if _seal(*columns) != told:
            raise BrokenJournal("an interface does not match its seal")
        name, epoch, generation, hash_, part, applied_generation, applied_at = columns
        state = State(epoch, generation, hash_)
        interface = InterfacePart.parse(json.loads(part))
        return cls(name, state, interface, applied_generation, applied_at)


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What was answered to a write with an Idempotency-Key; `asked` tells the request from others,
    `headers` is JSON, `at` Unix time."""

    asked: str
    status: int
    body: bytes
    headers: str
    at: int


class Rows:
    """Reading raises BrokenJournal; writing belongs in a `transaction`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def interfaces(self) -> list[InterfaceRow]:
        return [InterfaceRow.read(row) for row in self._read("SELECT * FROM interface")]

    def peers(self, interface: InterfaceRow) -> dict[str, PeerPart]:
        query = "SELECT part FROM peer WHERE interface = ?"
        try:
            parts = [_peer(text) for (text,) in self._read(query, interface.name)]
            found = state_hash(interface.part, parts)
        except (ValueError, TypeError, KeyError) as error:
            raise BrokenJournal("a peer cannot be read") from error
        if found != interface.state.hash:
            raise BrokenJournal("the peers are not those of the state")
        return {part.public_key: part for part in parts}

    def private_keys(self) -> dict[str, str]:
        found = self._read("SELECT interface, private_key, seal FROM private_key")
        if any(_seal(name, key) != told for name, key, told in found):
            raise BrokenJournal("a private key does not match its seal")
        return {name: key for name, key, _ in found}

    def lost(self) -> set[str]:
        return {name for (name,) in self._read("SELECT interface FROM lost")}

    def put_interface(self, row: InterfaceRow) -> None:
        statement = "INSERT OR REPLACE INTO interface VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        self._write(statement, [row.values()])

    def put_peers(self, name: str, peers: Iterable[PeerPart]) -> None:
        ordered = sorted(peers, key=lambda peer: peer.public_key)  # as the tree has them: faster
        rows = [(name, peer.public_key, peer.canonical()) for peer in ordered]
        self._write("INSERT OR REPLACE INTO peer VALUES (?, ?, ?)", rows)

    def remove_peers(self, name: str, keys: Iterable[str]) -> None:
        rows = ((name, key) for key in keys)
        self._write("DELETE FROM peer WHERE interface = ? AND public_key = ?", rows)

    def put_private_key(self, name: str, key: str) -> None:
        row = (name, key, _seal(name, key))
        self._write("INSERT OR REPLACE INTO private_key VALUES (?, ?, ?)", [row])

    def lose(self, name: str) -> None:
        self._write("INSERT OR IGNORE INTO lost VALUES (?)", [(name,)])

    def find_again(self, name: str) -> None:
        self._write("DELETE FROM lost WHERE interface = ?", [(name,)])

    def forget(self, name: str) -> None:
        for statement in FORGET:
            self._write(statement, [(name,)])

    def answer(self, key: str, since: int) -> KeptAnswer | None:
        query = "SELECT asked, status, body, headers, at FROM answer WHERE key = ? AND at > ?"
        found = self._read(query, key, since)
        return KeptAnswer(*found[0]) if found else None

    def put_answer(self, key: str, interface: str, kept: KeptAnswer, since: int) -> None:
        """And forget those of before `since`."""
        self._write("DELETE FROM answer WHERE at <= ?", [(since,)])
        row = (key, interface, kept.asked, kept.status, kept.body, kept.headers, kept.at)
        self._write("INSERT OR REPLACE INTO answer VALUES (?, ?, ?, ?, ?, ?, ?)", [row])

    def _read(self, query: str, *values: str | int) -> list[tuple[Any, ...]]:
        try:
            return self.connection.execute(query, values).fetchall()
        except (sqlite3.DatabaseError, ValueError) as error:
            raise BrokenJournal(_named(error)) from None  # its message may quote a key

    def _write(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        self.connection.executemany(statement, rows)


def _peer(text: str) -> PeerPart:
    """Without the grammar, which it passed before it was written; the hash vouches for it."""
    fields = json.loads(text)
    return PeerPart(**fields | {"allowed_ips": tuple(fields["allowed_ips"])})
