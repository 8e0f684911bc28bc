"""Which node takes the next peer, and the place that is kept for it there.

A strategy is `auto` (the lowest score), `priority` (the lowest score in the groups of the highest
priority that have a candidate), or the id or name of a node; a node that is called like a strategy
is named by its id. A named node is taken or refused, never replaced by another.
"""

import itertools
import uuid

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Greatest
from django.db.transaction import TransactionManagementError

from groups.models import NodeGroup
from nodes.models import Node
from selection import place_sql
from selection.decision import Candidate, Decision
from selection.pool import AUTO, PRIORITY, GroupReference, Pool


def select_node(strategy: uuid.UUID | str = AUTO, group: GroupReference | None = None) -> Decision:
    """Choose the node for the next peer without taking a place on it.

    Raises NoNodeAvailable, NodeRefused for a named node, NodeGroup.DoesNotExist.
    """
    return choose(Pool.of(strategy, group))


def choose(pool: Pool) -> Decision:
    """Choose from a pool; raises NoNodeAvailable, NodeRefused."""
    if not (candidates := pool.best()):
        raise pool.refusal()
    return _decision(pool, candidates[0], candidates)


def reserve(strategy: uuid.UUID | str = AUTO, group: GroupReference | None = None) -> Decision:
    """Choose a node and take a place on it, as part of the caller's transaction.

    Waits for others who are taking a place there, then takes it only if the node still has one and
    is still the best; else it tries the next candidate. Raises what `select_node` raises.
    """
    if not connection.in_atomic_block:
        raise TransactionManagementError("A place is taken in the transaction that uses it.")
    pool = Pool.of(strategy, group)
    while candidates := pool.best():
        for candidate, runner_up in _in_turn(candidates):
            if _take(candidate, runner_up, pool):
                return _decision(pool, candidate, candidates)
    raise pool.refusal()


def release(node_id: uuid.UUID, places: int = 1) -> None:
    """Give places back, as part of the caller's transaction; no count falls below zero."""
    Node.objects.filter(pk=node_id).update(
        assigned_peers=Greatest(F("assigned_peers") - places, 0),
        assigned_since_report=Greatest(F("assigned_since_report") - places, 0),
    )


def _in_turn(candidates: list[Candidate]) -> list[tuple[Candidate, Candidate | None]]:
    """Return each candidate with the one it must not be worse than.

    The last of several has none: whether it is still the best, only another look can tell.
    """
    if len(candidates) == 1:
        return [(candidates[0], None)]
    return list(itertools.pairwise(candidates))


def _take(candidate: Candidate, runner_up: Candidate | None, pool: Pool) -> bool:
    # PostgreSQL keeps a row locked that was waited for in vain: rolling back lets go of it
    with transaction.atomic():
        taken = place_sql.take(candidate, runner_up, pool.fresh_after)
        if not taken:
            transaction.set_rollback(True)
    return taken


def _decision(pool: Pool, chosen: Candidate, candidates: list[Candidate]) -> Decision:
    return Decision(
        chosen.node_id, chosen.node, pool.strategy, _group_name(pool, chosen), pool.now,
        tuple(candidates),
    )  # fmt: skip


def _group_name(pool: Pool, chosen: Candidate) -> str | None:
    if pool.group:
        return pool.group.name
    if pool.strategy != PRIORITY:
        return None
    return NodeGroup.objects.filter(pk__in=[chosen.group_id]).values_list("name", flat=True).first()
