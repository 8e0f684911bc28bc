"""The fleet in numbers for Prometheus: a few aggregate queries, at most every 5 seconds a process.

Nodes are counted here by what the panel thinks of them; what each says of itself is at its agent.
"""

import datetime as dt
import logging
import time
from collections.abc import Iterable, Iterator
from threading import Lock

from django.db import DatabaseError
from django.db.models import Count, F, Q, Sum
from django.utils import timezone
from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from nodes import overview
from nodes.interfaces import Condition, Interface
from nodes.models import FleetAlarm, Node, PollCount, PollingPolicy, Status
from reconcile.models import Drift, DriftState
from schedule.models import Heartbeat

logger = logging.getLogger(__name__)
KEPT_SECONDS = 5
MINUTE = dt.timedelta(minutes=1)

Values = Iterable[tuple[str, float]]


def nodes(now: dt.datetime) -> Iterator[GaugeMetricFamily]:
    """Count nodes by standing, and those switched off or cordoned."""
    told = overview.totals(Node.objects.all(), PollingPolicy.current().interval, now)
    counts = {part.status: part.count for part in told.slices}
    yield by("wgpanel_nodes", "Nodes.", "status", ((s.value, counts.get(s, 0)) for s in Status))
    yield one("wgpanel_nodes_disabled", "Nodes that are not polled.", told.disabled)
    yield one("wgpanel_nodes_maintenance", "Nodes that take no new peers.", told.maintenance)
    yield one("wgpanel_peers_active", "Peers with a recent handshake.", told.active_peers)
    yield one("wgpanel_peer_places", "Peers that reporting nodes may have.", told.max_peers)
    placed = Node.objects.aggregate(sum=Sum("assigned_peers", default=0))["sum"]
    yield one("wgpanel_peers", "Peers that the panel has placed.", placed)


def interfaces(now: dt.datetime) -> Iterator[GaugeMetricFamily]:
    """Count managed interfaces by condition, and those that wait for their node."""
    waiting = Q(desired_generation__gt=F("observed_generation"))
    rows = Interface.objects.order_by().values("condition")
    counted = rows.annotate(count=Count("pk"), waiting=Count("pk", filter=waiting))
    told = {row["condition"]: row for row in counted}
    counts = ((c.value, told[c]["count"] if c in told else 0) for c in Condition)
    yield by("wgpanel_interfaces", "Interfaces.", "condition", counts)
    pending = sum(row["waiting"] for row in told.values())
    yield one("wgpanel_interfaces_pending", "Interfaces whose node lags behind.", pending)


def drift(now: dt.datetime) -> Iterator[GaugeMetricFamily]:
    """Count interfaces by what their last check found."""
    counted = Drift.objects.order_by().values_list("state").annotate(Count("pk"))
    counts = dict(counted)
    values = ((state.value, counts.get(state, 0)) for state in DriftState)
    yield by("wgpanel_interfaces_checked", "Interfaces by the last check.", "state", values)


def polls(now: dt.datetime) -> Iterator[GaugeMetricFamily]:
    """Tell how many polls of the last whole minute went well."""
    last = now.replace(second=0, microsecond=0) - MINUTE
    row = PollCount.objects.filter(minute=last).first() or PollCount()
    values = (("ok", row.ok), ("failed", row.failed))
    yield by("wgpanel_polls_per_minute", "Polls of the last minute.", "outcome", values)


def health(now: dt.datetime) -> Iterator[GaugeMetricFamily]:
    """Tell how long ago each periodic job was alive, and whether the fleet's alarm is on."""
    beats = Heartbeat.objects.values_list("name", "beat_at")
    ages = ((name, (now - beat_at).total_seconds()) for name, beat_at in beats if beat_at)
    yield by("wgpanel_heartbeat_age_seconds", "Since a job was last alive.", "name", ages)
    alarm = FleetAlarm.objects.filter(closed_at=None).exists()
    yield one("wgpanel_fleet_alarm", "Whether many nodes failed at once.", alarm)


PARTS = (nodes, interfaces, drift, polls, health)


def one(name: str, about: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, about, value)


def by(name: str, about: str, label: str, values: Values) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, about, labels=[label])
    for of, value in values:
        family.add_metric([of], value)
    return family


class FleetCollector(Collector):
    """All parts of now, or only that the database does not answer."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        now = timezone.now()
        try:
            families = [family for part in PARTS for family in part(now)]
        except DatabaseError:
            logger.exception("the fleet's metrics are left out")
            families = []
        yield one("wgpanel_database_up", "Whether the database answers.", bool(families))
        yield from families


class FleetMetrics:
    """Their text, worked out again when it is older than KEPT_SECONDS."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._text, self._until = b"", 0.0

    def text(self) -> bytes:
        with self._lock:
            if time.monotonic() >= self._until:
                self._text = generate_latest(FleetCollector())  # type: ignore[arg-type]
                self._until = time.monotonic() + KEPT_SECONDS
            return self._text


fleet_metrics = FleetMetrics()
