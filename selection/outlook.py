"""Where the next peers would go: the choice, played through without touching a row."""

import heapq
import uuid
from dataclasses import dataclass

from selection.decision import Candidate, Decision
from selection.pool import AUTO, GroupReference, Pool
from selection.selector import choose

MOST = 1000


@dataclass(frozen=True)
class Share:
    """A node as it is now, and how many of the next peers it would take."""

    candidate: Candidate
    places: int


@dataclass(frozen=True)
class Outlook:
    """Who would take how many, in the order of the first of each; the rest finds no room."""

    shares: tuple[Share, ...]
    unplaced: int


@dataclass(frozen=True)
class WhatIf:
    """The whole answer to "where would the next peers go?"."""

    decision: Decision
    outlook: Outlook
    exclusions: dict[str, int]


def what_if(
    peers: int = 1, group: GroupReference | None = None, strategy: uuid.UUID | str = AUTO
) -> WhatIf:
    """Choose and play on, all at one moment; reads every node. Raises what `select_node` raises."""
    pool = Pool.of(strategy, group)
    return WhatIf(choose(pool), play(pool, peers), pool.exclusions())


def where_next(
    n: int, group: GroupReference | None = None, strategy: uuid.UUID | str = AUTO
) -> Outlook:
    """Play through the next `n` choices, at most MOST, as if no node reported meanwhile.

    Nobody can tell here when a node will run out of addresses. Raises what `Pool.of` raises.
    """
    return play(Pool.of(strategy, group), n)


def play(pool: Pool, n: int) -> Outlook:
    """Play through the next `n` choices from a pool; raise ValueError for more than MOST."""
    if not 0 <= n <= MOST:
        raise ValueError(f"0 to {MOST} peers, not {n}")
    shares: list[Share] = []
    for tier in pool.tiers(n):
        shares += _shares(tier, n - sum(share.places for share in shares))
    return Outlook(tuple(shares), n - sum(share.places for share in shares))


def _shares(candidates: list[Candidate], n: int) -> list[Share]:
    """Give `n` places to the best in turn. As many candidates as places are enough."""
    places: dict[uuid.UUID, int] = {}
    heap = [(candidate.rank, candidate) for candidate in candidates]
    heapq.heapify(heap)
    for _ in range(n):
        if not heap:
            break
        _, best = heap[0]
        places[best.node_id] = places.get(best.node_id, 0) + 1
        after = best.with_one_more()
        if after.is_full:
            heapq.heappop(heap)
        else:
            heapq.heapreplace(heap, (after.rank, after))
    first = {candidate.node_id: candidate for candidate in candidates}
    return [Share(first[pk], count) for pk, count in places.items()]
