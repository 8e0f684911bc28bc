"""Which interfaces have something to tell their node now.

The interface's row is the outbox: pending means that the node has not confirmed what is desired, or
that it lost what it had. So a thousand edits are one message, and losing a wake-up loses nothing.
"""

import datetime as dt

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from nodes.interfaces import Condition, Interface
from nodes.models import Node

# A node that answers polls again is tried before its backoff is over, but not at each poll.
CALM = dt.timedelta(seconds=10)


def undelivered() -> QuerySet[Interface]:
    """Interfaces that wait for their node, now or later; a conflict waits for an operator."""
    wanting = Q(desired_generation__gt=F("observed_generation")) | Q(condition=Condition.LOST)
    return Interface.objects.filter(wanting).exclude(condition=Condition.CONFLICT)


def due(now: dt.datetime, *, hinted: bool = False) -> QuerySet[Interface]:
    """Those of enabled nodes whose time has come.

    With `hinted` somebody has just edited them: what the node refused before may be right now.
    """
    in_time = Q(sync_not_before=None) | Q(sync_not_before__lte=now) | _returned(now)
    if hinted:
        in_time |= Q(condition=Condition.UNKNOWN)
    enabled = Exists(Node.objects.filter(pk=OuterRef("node"), enabled=True))
    return undelivered().filter(in_time, enabled)


def _returned(now: dt.datetime) -> Q:
    """The node could not be reached, and has reported since that attempt ended."""
    reported = Node.objects.filter(
        pk=OuterRef("node"), failures=0, reported_at__gt=OuterRef("sync_lease_until")
    )
    return Q(Exists(reported), condition=Condition.PENDING, sync_lease_until__lte=now - CALM)
