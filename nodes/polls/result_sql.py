"""The two statements that store a batch of poll results, each in one go.

SQLite runs one prepared UPDATE over all rows. PostgreSQL takes one UPDATE … FROM unnest() of arrays
in binary: a third of the panel's time of VALUES or JSON, and less of the server's.
"""

import datetime as dt
from collections.abc import Sequence
from contextlib import closing
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from django.db import OperationalError, connection, transaction


class Attempt(NamedTuple):
    """What every attempt changes in a node's row, and how that row has to be for it."""

    node: UUID
    agent_url: str
    secret: str
    seen_at: dt.datetime | None
    asked_at: dt.datetime
    ended_at: dt.datetime
    next_poll_at: dt.datetime
    reason: str
    skew_ms: int | None


class Reported(NamedTuple):
    """What a report changes besides."""

    status: str
    report: str
    version: str
    active_peers: int
    cpu: float | None
    memory: float | None
    disk: float | None


Row = tuple[Any, ...]  # the fields of an Attempt, followed by those of Reported where there are any

COMMON = """
    last_attempt_at = {asked_at}, claimed_until = NULL,
    status_reason = {reason}, clock_skew_ms = {skew_ms},
    next_poll_at = CASE -- whoever asked for a poll while this one ran gets another
        WHEN n.next_poll_at > {asked_at} AND n.next_poll_at < {next_poll_at} THEN n.next_poll_at
        ELSE {next_poll_at} END"""
REPORTED = """
    status = {status}, health_json = {report}, reported_at = {ended_at},
    status_since = CASE WHEN n.status = {status} THEN n.status_since ELSE {ended_at} END,
    failures = 0, failing_since = NULL, agent_version = {version}, active_peers = {active_peers},
    cpu_percent = {cpu}, memory_percent = {memory}, disk_percent = {disk},
    assigned_before_report = n.assigned_since_report, assigned_since_report = 0"""
FAILED = """
    failures = n.failures + 1, failing_since = COALESCE(n.failing_since, {ended_at})"""
UNCHANGED = """
    n.id = {node} AND n.enabled AND n.agent_url = {agent_url}
    AND COALESCE(n.secret, '') = {secret}
    AND (n.last_attempt_at = {seen_at} OR n.last_attempt_at IS NULL AND {seen_at} IS NULL)"""

# PostgreSQL's types of the values
TYPES = {
    "node": "uuid", "agent_url": "text", "secret": "text", "seen_at": "timestamptz",
    "asked_at": "timestamptz", "ended_at": "timestamptz", "next_poll_at": "timestamptz",
    "reason": "text", "skew_ms": "int", "status": "text", "report": "text[]::jsonb",
    "version": "text", "active_peers": "int", "cpu": "float8", "memory": "float8", "disk": "float8",
}  # fmt: skip


def update(reported: Sequence[Row], failed: Sequence[Row]) -> int:
    """Store both kinds of results; return how many rows were still as when they were asked.

    A statement that was done finds nothing to do again; so a deadlock is answered by a second try.
    """
    try:
        return _update_both(reported, failed)
    except OperationalError:
        return _update_both(reported, failed)


def _update_both(reported: Sequence[Row], failed: Sequence[Row]) -> int:
    with transaction.atomic():
        return _update(REPORTED, reported) + _update(FAILED, failed)


def _update(columns: str, rows: Sequence[Row]) -> int:
    if not rows:
        return 0
    change = _update_from_arrays if connection.vendor == "postgresql" else _update_each
    return change(f"UPDATE nodes_node AS n SET {columns},{COMMON}", rows)  # noqa: S608 (constants)


def _update_each(update: str, rows: Sequence[Row]) -> int:
    places = {name: f"?{place}" for place, name in enumerate(_names(rows), start=1)}
    sql = f"{update} WHERE {UNCHANGED}".format(**places)
    connection.ensure_connection()
    # Django's own cursor knows no numbered places, and those with names take longer to fill
    with connection.wrap_database_errors, closing(connection.connection.cursor()) as cursor:
        cursor.executemany(sql, list(map(_as_stored, rows)))
        return int(cursor.rowcount)


def _as_stored(row: Row) -> Row:
    """Return the row with what SQLite has no type for as Django writes it."""
    node, agent_url, secret, seen_at, *times = row[:7]
    seen = seen_at and _text(seen_at)
    return (node.hex, agent_url, secret, seen, *map(_text, times), *row[7:])


def _text(time: dt.datetime) -> str:
    return time.isoformat(" ").removesuffix("+00:00")


def _update_from_arrays(update: str, rows: Sequence[Row]) -> int:
    names = _names(rows)
    arrays = ", ".join(f"%b::{TYPES[name]}[]" for name in names)
    source = f"unnest({arrays}) AS v({', '.join(names)})"
    sql = f"{update} FROM {source} WHERE {UNCHANGED}".format(
        **{name: f"v.{name}" for name in names}
    )
    values = list(map(list, zip(*rows, strict=True)))
    connection.ensure_connection()
    # Django's own cursor would paste the values into the text of the statement
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(sql, values)
        return cursor.rowcount


def _names(rows: Sequence[Row]) -> list[str]:
    return list(TYPES)[: len(rows[0])]
