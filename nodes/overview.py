"""The fleet at a glance: a few aggregate queries, whatever its size."""

import datetime as dt
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from django.db.models import Count, F, FloatField, Q, QuerySet, Sum
from django.db.models.functions import Cast

from nodes.models import Node, Status
from nodes.querysets import NodeQuerySet

Row = dict[str, Any]
REPORTING = (Status.ONLINE, Status.DEGRADED)
TROUBLED = (Status.IDENTITY_MISMATCH, Status.OFFLINE, Status.STALE, Status.DEGRADED)
# What a list shows of a node: not its report and not its secret, which are the heavy columns.
LISTED = (
    "name", "agent_url", "group", "enabled", "maintenance", "max_peers", "status", "status_reason",
    "status_since", "reported_at", "last_attempt_at", "next_poll_at", "agent_version",
    "cpu_percent", "memory_percent", "disk_percent", "active_peers",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Slice:
    """The nodes of one standing, and how many percent of all they are."""

    status: Status
    count: int
    percent: float


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts of nodes by standing; peers are those of nodes with a report that is current."""

    nodes: int
    slices: tuple[Slice, ...]
    disabled: int
    maintenance: int
    active_peers: int
    max_peers: int

    @property
    def troubled(self) -> int:
        return sum(part.count for part in self.slices if part.status in TROUBLED)


def totals(nodes: NodeQuerySet, interval: dt.timedelta, now: dt.datetime) -> Totals:
    """Count `nodes`, by one query."""
    return _total(_counted(nodes.with_standing(interval, now), "standing"))


def by_group(
    groups: Iterable[uuid.UUID], interval: dt.timedelta, now: dt.datetime
) -> dict[uuid.UUID, Totals]:
    """Return the totals of each of `groups`, by one query."""
    rows: dict[uuid.UUID, list[Row]] = {group: [] for group in groups}
    nodes = Node.objects.filter(group__in=rows).with_standing(interval, now)
    for row in _counted(nodes, "group", "standing"):
        rows[row["group"]].append(row)
    return {group: _total(group_rows) for group, group_rows in rows.items()}


def _counted(nodes: QuerySet[Node], *by: str) -> list[Row]:
    counted = (
        nodes.values(*by)
        .order_by()
        .annotate(
            count=Count("pk"),
            disabled=Count("pk", filter=Q(enabled=False)),
            cordoned=Count("pk", filter=Q(maintenance=True)),
            peers=Sum("active_peers"),
            places=Sum("max_peers"),
        )
    )
    return cast(list[Row], list(counted))


def _total(rows: list[Row]) -> Totals:
    nodes = sum(row["count"] for row in rows)
    counts = {row["standing"]: row["count"] for row in rows}
    reporting = [row for row in rows if row["standing"] in REPORTING]
    return Totals(
        nodes=nodes,
        slices=tuple(
            Slice(status, counts[status], 100 * counts[status] / nodes)
            for status in Status
            if status in counts
        ),
        disabled=sum(row["disabled"] for row in rows),
        maintenance=sum(row["cordoned"] for row in rows),
        active_peers=sum(row["peers"] for row in reporting),
        max_peers=sum(row["places"] for row in reporting),
    )


def busiest(interval: dt.timedelta, now: dt.datetime, limit: int) -> QuerySet[Node]:
    """Return the reporting nodes that are fullest, by active peers per place."""
    fill = Cast("active_peers", FloatField()) / Cast("max_peers", FloatField())
    nodes = Node.objects.with_standing(interval, now).filter(Q(standing__in=REPORTING))
    return nodes.only(*LISTED).order_by(fill.desc(), F("cpu_percent").desc(nulls_last=True))[:limit]


def troubled(interval: dt.timedelta, now: dt.datetime, limit: int) -> QuerySet[Node]:
    """Return the enabled nodes that need somebody, those longest in trouble last."""
    nodes = Node.objects.with_standing(interval, now).filter(Q(standing__in=TROUBLED))
    return nodes.only(*LISTED).order_by("-status_since", "name")[:limit]
