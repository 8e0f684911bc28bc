"""Among which nodes a strategy chooses, and what is in the way of the others."""

import datetime as dt
import itertools
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from django.core.exceptions import ValidationError
from django.db.models import Case, CharField, Count, F, Q, Value, When
from django.utils import timezone

from groups import references
from groups.models import NodeGroup
from groups.validators import printable
from nodes.availability import FRESH_INTERVALS, obstacle
from nodes.models import Node
from selection import place_sql
from selection.decision import (
    MISSING,
    NO_GROUP,
    OTHER_GROUP,
    Candidate,
    NodeRefused,
    NoNodeAvailable,
)

AUTO, PRIORITY = "auto", "priority"
GroupReference = NodeGroup | uuid.UUID | str
TEN = 10


@dataclass(frozen=True)
class Pool:
    """The nodes in question at one moment: of the fleet, of a group, or a single one."""

    strategy: str
    group: NodeGroup | None
    node: Node | None
    now: dt.datetime
    interval: dt.timedelta

    @classmethod
    def of(cls, strategy: uuid.UUID | str, group: GroupReference | None) -> Self:
        """Raise NodeGroup.DoesNotExist for an unknown group, NodeRefused for an unknown node."""
        named = str(strategy)
        node = None if named in (AUTO, PRIORITY) else _find_node(named)
        interval = place_sql.polling_interval()
        return cls(named, _find_group(group), node, timezone.now(), interval)

    @property
    def fresh_after(self) -> dt.datetime:
        return self.now - FRESH_INTERVALS * self.interval

    def best(self, limit: int = TEN) -> list[Candidate]:
        """Return the best candidates, best first; by priority, only those of the first tier."""
        return next(self.tiers(limit), [])

    def tiers(self, limit: int) -> Iterator[list[Candidate]]:
        """Yield the candidates of each tier that has any.

        A tier is the groups of one priority, the highest first; otherwise all are one tier.
        """
        by_priority = self.strategy == PRIORITY and self.group is None
        tiers = self._by_priority(limit) if by_priority else iter([self._only(limit)])
        yield from (tier for tier in tiers if tier)

    def _only(self, limit: int) -> list[Candidate]:
        if self.node is None:
            group = self.group.pk if self.group else None
            return place_sql.best(self.fresh_after, limit, group=group)
        if self.group and self.node.group_id != self.group.pk:
            return []
        return place_sql.best(self.fresh_after, limit, node=self.node.pk)

    def _by_priority(self, limit: int) -> Iterator[list[Candidate]]:
        groups = NodeGroup.objects.order_by("-priority", "name").only("priority")
        for _, tier in itertools.groupby(groups, key=lambda group: group.priority):
            found = (place_sql.best(self.fresh_after, limit, group=group.pk) for group in tier)
            yield sorted(itertools.chain(*found), key=lambda one: one.rank)[:limit]

    def refusal(self) -> NoNodeAvailable:
        """Return the error that says why none of the nodes can take a peer. Reads every node."""
        exclusions = self.exclusions()
        if self.node is None:
            return NoNodeAvailable(exclusions)
        return NodeRefused(self.node.name, next(iter(exclusions), MISSING))

    def exclusions(self) -> dict[str, int]:
        """Count the nodes by what is in their way, the most frequent first. Reads every node."""
        nodes = Node.objects.filter(pk=self.node.pk) if self.node else Node.objects.all()
        counted = (
            nodes.annotate(obstacle=self._obstacle())
            .exclude(obstacle=None)
            .values_list("obstacle")
            .order_by(F("nodes").desc(), "obstacle")
            .annotate(nodes=Count("pk"))
        )
        return dict(counted)

    def _obstacle(self) -> Case:
        own = obstacle(self.now, self.interval)
        if self.group:
            elsewhere = ~Q(group=self.group) | Q(group=None)
            first = When(elsewhere, then=Value(OTHER_GROUP))
        elif self.strategy == PRIORITY:
            first = When(group=None, then=Value(NO_GROUP))
        else:
            return own
        return Case(first, default=own, output_field=CharField(null=True))


def _find_group(reference: GroupReference | None) -> NodeGroup | None:
    if reference is None or isinstance(reference, NodeGroup):
        return reference
    return references.find(str(reference))


def _find_node(reference: str) -> Node:
    """Return the node with this id or, if there is none, this name."""
    try:
        printable(reference)
        return _node_with_id(reference) or Node.objects.only("name", "group").get(name=reference)
    except (ValidationError, Node.DoesNotExist) as error:
        raise NodeRefused(ascii(reference), MISSING) from error


def _node_with_id(reference: str) -> Node | None:
    try:
        return Node.objects.only("name", "group").filter(pk=uuid.UUID(reference)).first()
    except ValueError:
        return None
