"""What a node's status is worth at a given moment.

The stored status is the last verdict of polling. When polling itself stops, nobody is there to
write "stale"; so the standing is worked out on reading, as an SQL expression and for one row.
"""

import datetime as dt
from typing import TYPE_CHECKING

from django.db.models import Case, CharField, F, Q, Value, When

if TYPE_CHECKING:
    from nodes.models import Node

STALE_INTERVALS = 3
OVERDUE_INTERVALS = 2


def standing(now: dt.datetime, interval: dt.timedelta) -> Case:
    """Return the expression for a node's status at `now`, polled every `interval`."""
    return Case(
        When(enabled=False, then=Value("unknown")),
        When(unasked(now, interval), then=Value("stale")),
        default=F("status"),
        output_field=CharField(),
    )


def unasked(now: dt.datetime, interval: dt.timedelta) -> Q:
    """Nobody has asked the node for 3 intervals although it was due: the poller's fault."""
    return Q(
        enabled=True,
        last_attempt_at__lt=now - STALE_INTERVALS * interval,
        next_poll_at__lt=now - OVERDUE_INTERVALS * interval,
    )


def standing_reason(node: "Node") -> str:
    """Return why a node from `with_standing` stands as it does, in words."""
    if not node.enabled:
        return "Disabled: nobody asks it."
    if node.standing == "stale":  # type: ignore[attr-defined]  # an annotation
        return f"Nobody has asked it since {node.last_attempt_at:%Y-%m-%d %H:%M:%S} UTC."
    return node.status_reason
