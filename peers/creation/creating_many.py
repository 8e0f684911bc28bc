"""Create many peers: planned by one look at the fleet, one transaction for each node's share."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from accounts.actor import Actor
from nodes.models import Interface, Node, PollingPolicy
from peers.creation.creating import Created, Where
from peers.creation.placing import accepting, place
from peers.creation.wishes import Draft, Wish, draft
from peers.desired import locked_node
from peers.errors import NoFreeAddress, PeerRefused
from peers.pools import addresses, capacity
from selection import outlook
from selection.decision import Decision, NoNodeAvailable
from selection.outlook import Share
from selection.pool import Pool

SHOWN = 10  # candidates that a decision tells


@dataclass(slots=True)
class Batch:
    """Those that were created, in the order of their wishes, and why the rest was not."""

    created: list[Created] = field(default_factory=list)
    refusal: str = ""


@sensitive_variables()
def create_many(user: Actor, where: Where, wishes: Sequence[Mapping[str, Any]]) -> Batch:
    """Create as many of the peers that `wishes` (fields of `Wish`) describe as there is room for.

    Raises PeerRefused, before any is created, and what `Pool.of` raises.
    """
    left = [_draft(number, wish) for number, wish in enumerate(wishes, 1)]
    batch = Batch()
    while left and not batch.refusal:
        try:
            made = _round(user, where, left[: outlook.MOST])
        except (NoNodeAvailable, NoFreeAddress, PeerRefused) as error:
            batch.refusal = str(error)
        else:
            batch.created += made
            left = left[len(made) :]
    return batch


def _draft(number: int, wish: Mapping[str, Any]) -> Draft:
    try:
        return draft(Wish(**wish), timezone.now())
    except PeerRefused as error:
        raise PeerRefused(error.field, f"Peer {number}: {error.sentence}") from error


def _round(user: Actor, where: Where, drafts: Sequence[Draft]) -> list[Created]:
    """Create the first of `drafts`, at least one."""
    made: list[Created] = []
    full: NoFreeAddress | None = None
    for share, decision in _plan(where, len(drafts)):
        mine = drafts[len(made) : len(made) + share.places]
        try:
            made += _create_share(user, where, mine, decision)
        except NoFreeAddress as error:
            capacity.review(error.node_id)
            full = error
    if not made and full and not where.is_open:
        raise full
    return made


def _plan(where: Where, count: int) -> list[tuple[Share, Decision]]:
    pool = Pool.of(where.interface.node_id if where.interface else where.strategy, where.group)
    shares = outlook.play(pool, count).shares
    if not shares:
        raise pool.refusal()
    candidates = tuple(share.candidate for share in shares[:SHOWN])
    group = pool.group.name if pool.group else None
    return [
        (share, Decision(
            share.candidate.node_id, share.candidate.node, pool.strategy, group, pool.now,
            candidates,
        ))
        for share in shares
    ]  # fmt: skip


@transaction.atomic
def _create_share(
    user: Actor, where: Where, drafts: Sequence[Draft], decision: Decision
) -> list[Created]:
    """Create as many of `drafts` as the node has places and addresses for, maybe none."""
    now, node = timezone.now(), locked_node(decision.node_id)
    interface = accepting(node.pk, where.interface)
    places = min(len(drafts), node.max_peers - node.assigned_peers)
    mine = drafts[: _free_up_to(places, interface, now)]
    if not _take_places(node, len(mine), now):
        return []  # somebody else was there first: the next round plans anew
    for new in mine:
        new.peer.decision = decision.as_json()
    place(interface, mine, user, now)
    return [Created(new.peer, new.private_key) for new in mine]


def _free_up_to(count: int, interface: Interface, now: dt.datetime) -> int:
    """How many of `count` peers would get addresses; raises NoFreeAddress for none of them."""
    return min(book.free_up_to(count) for book in addresses.books(interface, now))


def _take_places(node: Node, count: int, now: dt.datetime) -> bool:
    rows = Node.objects.available(now, PollingPolicy.current().interval).filter(pk=node.pk)
    taken = rows.update(
        assigned_peers=F("assigned_peers") + count,
        assigned_since_report=F("assigned_since_report") + count,
    )
    return count > 0 and taken == 1
