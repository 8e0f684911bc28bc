"""What a node's page shows of it right now."""

import datetime as dt
import json
import uuid
from dataclasses import dataclass

from django.utils import timezone
from wgpanel_agent.documents import InvalidDocument, StatusReport

from nodes.availability import Obstacle, obstacle
from nodes.calling.exchange import SKEW_WORTH_A_WARNING_MS
from nodes.interface_rows import InterfaceRow, rows_of
from nodes.keyed import SECRETS
from nodes.models import Node, PollingPolicy
from nodes.standing import standing_reason


@dataclass(frozen=True, slots=True)
class Live:
    """A node and its last report, seen at one moment. `report` is None where it is unreadable."""

    node: Node
    now: dt.datetime
    report: StatusReport | None
    interfaces: list[InterfaceRow]

    @property
    def obstacle(self) -> str:
        """What keeps the node from a new peer, in words; empty if nothing does."""
        return str(dict(Obstacle.choices).get(self.node.obstacle, ""))  # type: ignore[attr-defined]

    @property
    def reason(self) -> str:
        return standing_reason(self.node)

    @property
    def has_some_left_alone(self) -> bool:
        return any(row.ours is None for row in self.interfaces)

    @property
    def raw(self) -> str:
        return json.dumps(self.node.health_json, indent=2, ensure_ascii=False)

    @property
    def has_skew_worth_a_warning(self) -> bool:
        return abs(self.node.clock_skew_ms or 0) > SKEW_WORTH_A_WARNING_MS


def look(node_id: uuid.UUID) -> Live:
    """Return the node as it stands now; raise Node.DoesNotExist."""
    now = timezone.now()
    interval = PollingPolicy.current().interval
    nodes = Node.objects.with_standing(interval, now).annotate(obstacle=obstacle(now, interval))
    node = nodes.select_related("group").defer(*SECRETS).get(pk=node_id)
    report = _report(node)
    told = report.wireguard.interfaces if report else {}
    return Live(node, now, report, rows_of(node, told))


def _report(node: Node) -> StatusReport | None:
    if node.health_json is None:
        return None
    try:
        return StatusReport.parse(node.health_json)
    except InvalidDocument:  # written by another version: the page shows it raw
        return None
