"""The two statements that store a batch of poll results, each in one go.

SQLite runs one prepared UPDATE over all rows. PostgreSQL takes one UPDATE … FROM unnest() of arrays
in binary: a third of the panel's time of VALUES or JSON, and less of the server's.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import psycopg
from django.db import OperationalError, connection, transaction

Row = dict[str, Any]

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
TIMES = [name for name, kind in TYPES.items() if kind == "timestamptz"]


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
    names = {name: f"%({name})s" for name in rows[0]}
    sql = f"{update} WHERE {UNCHANGED}".format(**names)
    with connection.cursor() as cursor:
        cursor.executemany(sql, [row | _as_stored(row) for row in rows])
        return cursor.rowcount


def _as_stored(row: Row) -> Row:
    """Return those values that SQLite has no type for, as Django writes them."""
    return {"node": row["node"].hex, **{name: _text(row[name]) for name in TIMES}}


def _text(time: dt.datetime | None) -> str | None:
    return None if time is None else time.isoformat(" ").removesuffix("+00:00")


def _update_from_arrays(update: str, rows: Sequence[Row]) -> int:
    names = list(rows[0])
    arrays = ", ".join(f"%b::{TYPES[name]}[]" for name in names)
    source = f"unnest({arrays}) AS v({', '.join(names)})"
    sql = f"{update} FROM {source} WHERE {UNCHANGED}".format(
        **{name: f"v.{name}" for name in names}
    )
    values = [[row[name] for row in rows] for name in names]
    connection.ensure_connection()
    # Django's own cursor would paste the values into the text of the statement
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(sql, values)
        return cursor.rowcount
