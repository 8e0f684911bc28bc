"""The statements of a choice, by hand: the ORM takes longer to write them than they run.

Those on nodes ask for what `NodeQuerySet.available` asks for, in the words of the partial indexes.
"""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

from django.db import connection

from nodes.models import PollingPolicy
from nodes.scoring import Load
from selection.decision import Candidate

AVAILABLE = """
    enabled AND NOT maintenance AND status = 'online' AND has_free_address
    AND assigned_peers < max_peers AND reported_at > %(fresh_after)s"""
# without `score >= 0` SQLite sorts every node once it has statistics
BEST = f"""
    SELECT id, name, group_id, assigned_peers,
        CAST(active_peers AS bigint) + assigned_since_report + assigned_before_report,
        max_peers, weight, cpu_percent, memory_percent
    FROM nodes_node WHERE {AVAILABLE} AND score >= 0 {{among}}
    ORDER BY score, assigned_peers, name LIMIT %(limit)s"""  # noqa: S608 (constants)
AMONG = {None: "", "group": "AND group_id = %(group)s", "node": "AND id = %(node)s"}
TAKE = f"""
    UPDATE nodes_node
    SET assigned_peers = assigned_peers + 1, assigned_since_report = assigned_since_report + 1
    WHERE id = %(node)s AND {AVAILABLE}"""  # noqa: S608 (constants)
NOT_WORSE = """
    AND (score < %(score)s OR score = %(score)s AND assigned_peers <= %(assigned)s)"""
INTERVAL = "SELECT interval_seconds FROM nodes_pollingpolicy WHERE id = 1"


def polling_interval() -> dt.timedelta:
    """Return what `PollingPolicy.current()` says."""
    with connection.cursor() as cursor:
        cursor.execute(INTERVAL)
        row = cursor.fetchone()
    return dt.timedelta(seconds=row[0]) if row else PollingPolicy().interval


def best(
    fresh_after: dt.datetime,
    limit: int,
    *,
    group: uuid.UUID | None = None,
    node: uuid.UUID | None = None,
) -> list[Candidate]:
    """Return the best nodes that have room, best first: of all, of a group, or the one node."""
    among = "group" if group else "node" if node else None
    parameters = {"group": _key(group), "node": _key(node), "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(BEST.format(among=AMONG[among]), _with_time(parameters, fresh_after))
        return [_candidate(row) for row in cursor.fetchall()]


def take(candidate: Candidate, runner_up: Candidate | None, fresh_after: dt.datetime) -> bool:
    """Take a place if the node has one and is not worse than the runner-up was when last seen.

    Waits for whoever is writing the row.
    """
    parameters: dict[str, Any] = {"node": _key(candidate.node_id)}
    sql = TAKE
    if runner_up:
        sql += NOT_WORSE
        parameters["score"], parameters["assigned"], _ = runner_up.rank
    with connection.cursor() as cursor:
        cursor.execute(sql, _with_time(parameters, fresh_after))
        return cursor.rowcount == 1


def _with_time(parameters: dict[str, Any], fresh_after: dt.datetime) -> dict[str, Any]:
    time = connection.ops.adapt_datetimefield_value(fresh_after)
    return {**parameters, "fresh_after": time}


def _key(pk: uuid.UUID | None) -> uuid.UUID | str | None:
    """Return an id as the database stores it."""
    return pk if pk is None or connection.features.has_native_uuid_field else pk.hex


def _candidate(row: Sequence[Any]) -> Candidate:
    pk, name, group, assigned, peers, *load = row
    return Candidate(_uuid(pk), name, group and _uuid(group), assigned, Load(peers, *load))


def _uuid(key: uuid.UUID | str) -> uuid.UUID:
    return key if isinstance(key, uuid.UUID) else uuid.UUID(hex=key)
