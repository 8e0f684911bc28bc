"""What a choice came to, and why: the candidates with the parts of their scores, or the refusal."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from nodes.availability import Obstacle
from nodes.scoring import Load, Score

DECIMALS = 6
# beside the obstacles that a node's own row shows
OTHER_GROUP, NO_GROUP, MISSING = "other_group", "no_group", "missing"
WORDS = dict(Obstacle.choices) | {
    OTHER_GROUP: "not in the group",
    NO_GROUP: "without a group",
    MISSING: "there is no such node",
}


@dataclass(frozen=True)
class Candidate:
    """A node that may take the next peer, with the counts that its score was made of."""

    node_id: uuid.UUID
    node: str
    group_id: uuid.UUID | None
    assigned_peers: int
    load: Load

    @property
    def score(self) -> Score:
        return self.load.score

    @property
    def rank(self) -> tuple[float, int, str]:
        """The lowest is chosen."""
        return self.score.total, self.assigned_peers, self.node

    @property
    def is_full(self) -> bool:
        return self.assigned_peers >= self.load.max_peers

    def with_one_more(self) -> "Candidate":
        load = replace(self.load, peers=self.load.peers + 1)
        return replace(self, assigned_peers=self.assigned_peers + 1, load=load)

    def as_json(self) -> dict[str, Any]:
        score, load = self.score, self.load
        return {
            "node_id": str(self.node_id),
            "node": self.node,
            "base": round(score.base, DECIMALS),
            "cpu": score.cpu,
            "memory": score.memory,
            "total": round(score.total, DECIMALS),
            "peers": load.peers,
            "assigned_peers": self.assigned_peers,
            "max_peers": load.max_peers,
            "weight": load.weight,
            "cpu_percent": load.cpu_percent,
            "memory_percent": load.memory_percent,
        }


@dataclass(frozen=True)
class Decision:
    """The node that was chosen, and the best candidates of that moment, at most ten, best first.

    `group` is the name of the group within which was chosen; None for the whole fleet.
    """

    node_id: uuid.UUID
    node: str
    strategy: str
    group: str | None
    at: dt.datetime
    candidates: tuple[Candidate, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it for storing and for the API; figures are as they were before the choice."""
        return {
            "node_id": str(self.node_id),
            "node": self.node,
            "strategy": self.strategy,
            "group": self.group,
            "at": self.at.isoformat(),
            "candidates": [candidate.as_json() for candidate in self.candidates],
        }


class NoNodeAvailable(Exception):
    """No node may take the peer; `exclusions` counts the nodes by what is in their way."""

    def __init__(self, exclusions: Mapping[str, int]) -> None:
        self.exclusions = dict(exclusions)
        counted = ", ".join(f"{count} {WORDS[code]}" for code, count in self.exclusions.items())
        super().__init__(f"No node can take a peer: {counted or 'there is none'}.")


class NodeRefused(NoNodeAvailable):
    """The node that was named may not take the peer, and no other takes its place."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__({reason: 1})
        self.reason = reason
        self.args = (f"The node {name} cannot take a peer: {WORDS[reason]}.",)
