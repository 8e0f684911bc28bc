"""Whether a node may take a new peer, and why not: as SQL conditions over its row."""

import datetime as dt

from django.db.models import Case, CharField, F, Q, TextChoices, Value, When

FRESH_INTERVALS = 3
# As far as the row alone can say it: the condition of two partial indexes.
HAS_ROOM = Q(
    enabled=True, maintenance=False, status="online", has_free_address=True,
    assigned_peers__lt=F("max_peers"),
)  # fmt: skip


class Obstacle(TextChoices):
    """Why a node takes no new peer."""

    DISABLED = "disabled", "disabled"
    MAINTENANCE = "maintenance", "in maintenance"
    NEVER_REPORTED = "never_reported", "never reported"
    IDENTITY_MISMATCH = "identity_mismatch", "identity mismatch"
    DEGRADED = "degraded", "degraded"
    OFFLINE = "offline", "offline"
    REPORT_TOO_OLD = "report_too_old", "report too old"
    FULL = "full", "full"
    NO_FREE_ADDRESS = "no_free_address", "no free address"


def is_fresh(now: dt.datetime, interval: dt.timedelta) -> Q:
    """The last verified report is younger than 3 intervals of polling."""
    return Q(reported_at__gt=now - FRESH_INTERVALS * interval)


def obstacle(now: dt.datetime, interval: dt.timedelta) -> Case:
    """Return the expression for the first thing that keeps a node from a new peer, or NULL."""
    return Case(
        When(enabled=False, then=Value(Obstacle.DISABLED)),
        When(maintenance=True, then=Value(Obstacle.MAINTENANCE)),
        When(status="unknown", then=Value(Obstacle.NEVER_REPORTED)),
        When(status__in=("identity_mismatch", "degraded"), then=F("status")),
        When(~Q(status="online"), then=Value(Obstacle.OFFLINE)),
        When(Q(reported_at=None) | ~is_fresh(now, interval), then=Value(Obstacle.REPORT_TOO_OLD)),
        When(assigned_peers__gte=F("max_peers"), then=Value(Obstacle.FULL)),
        When(has_free_address=False, then=Value(Obstacle.NO_FREE_ADDRESS)),
        output_field=CharField(null=True),
    )
