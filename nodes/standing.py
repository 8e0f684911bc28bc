"""What a node's status is worth at a given moment.

The stored status is the last verdict of polling. When polling itself stops, nobody is there to
write "stale"; so the standing is worked out on reading, as an SQL expression and for one row.
"""

import datetime as dt

from django.db.models import Case, CharField, F, Q, Value, When

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
