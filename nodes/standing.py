"""What a node's status is worth at a given moment.

The stored status is the last verdict of polling. When polling itself stops, nobody is there to
write "stale"; so the standing is worked out on reading, as an SQL expression and for one row.
"""

import datetime as dt
from typing import TYPE_CHECKING

from django.db.models import Case, CharField, Exists, F, Q, Value, When

from nodes.polls import cadence
from schedule.models import SILENCE, Heartbeat

if TYPE_CHECKING:
    from nodes.models import Node

STALE_INTERVALS = 3
OVERDUE_INTERVALS = 2
NEVER_ASKED = "Nobody has asked it yet."


def standing(now: dt.datetime, interval: dt.timedelta) -> Case:
    """Return the expression for a node's status at `now`, polled every `interval`."""
    return Case(
        When(Q(enabled=False) | Q(status="unknown"), then=Value("unknown")),
        When(unasked(now, interval) | Q(_is_poller_silent(now)), then=Value("stale")),
        default=F("status"),
        output_field=CharField(),
    )


def _is_poller_silent(now: dt.datetime) -> Exists:
    """The poller ran before and does not any more: no verdict of any node is worth its word."""
    silent_since = now - SILENCE
    return Exists(Heartbeat.objects.filter(name=cadence.HEARTBEAT, beat_at__lt=silent_since))


def unasked(now: dt.datetime, interval: dt.timedelta) -> Q:
    """Nobody has asked the node for 3 intervals although it was due: the poller's fault."""
    return Q(
        enabled=True,
        last_attempt_at__lt=now - STALE_INTERVALS * interval,
        next_poll_at__lt=now - OVERDUE_INTERVALS * interval,
    )


def standing_since(node: "Node") -> dt.datetime:
    """Return since when a node from `with_standing` stands as it does.

    Where nobody asks, that is when it was asked last: the stored verdict tells of before.
    """
    is_asked = node.enabled and node.standing != "stale"  # type: ignore[attr-defined]  # an annotation
    return node.status_since if is_asked else node.last_attempt_at or node.status_since


def standing_reason(node: "Node") -> str:
    """Return why a node from `with_standing` stands as it does, in words."""
    if not node.enabled:
        return "Disabled: nobody asks it."
    if node.standing == "stale":  # type: ignore[attr-defined]  # an annotation
        asked = node.last_attempt_at
        return f"Nobody has asked it since {asked:%Y-%m-%d %H:%M:%S} UTC." if asked else NEVER_ASKED
    return node.status_reason
