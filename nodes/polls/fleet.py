"""When much of the fleet fails at once, suspect the panel's own network, and say so once."""

import datetime as dt
import logging

from django.db import IntegrityError, transaction

from nodes.models import FleetAlarm, Node

logger = logging.getLogger(__name__)

AT_ONCE = dt.timedelta(minutes=1)
FEWEST = 5
SHARE = 0.3
KEPT_FOR = dt.timedelta(days=90)


def watch(now: dt.datetime) -> None:
    """Open the alarm when enough nodes began to fail within a minute; close it when few still fail.

    Few and enough are one limit: 30 % of the enabled nodes, and at least 5.
    """
    if FleetAlarm.objects.filter(closed_at=None).exists():
        _close_when_over(now)
    else:
        _open_when_many_fail(now)


def _open_when_many_fail(now: dt.datetime) -> None:
    sudden = Node.objects.failing().filter(failing_since__gte=now - AT_ONCE)
    failing = sudden.exclude(pk__in=Node.objects.joining(now)).count()
    polled = _polled() if failing >= FEWEST else 0
    if is_suspicious(failing, polled) and _open(now, failing, polled):
        logger.error(
            "%d of %d nodes failed within a minute: the panel's own network may be down",
            failing, polled,
        )  # fmt: skip


def _open(now: dt.datetime, failing: int, polled: int) -> bool:
    """Store the alarm; False when another worker just did."""
    try:
        with transaction.atomic():
            FleetAlarm.objects.create(opened_at=now, failing=failing, polled=polled)
    except IntegrityError:
        return False
    return True


def _close_when_over(now: dt.datetime) -> None:
    failing = Node.objects.failing().count()
    if is_suspicious(failing, _polled()):
        return
    if FleetAlarm.objects.filter(closed_at=None).update(closed_at=now):
        logger.warning("the fleet answers again: %d nodes still fail", failing)


def forget_old_alarms(now: dt.datetime) -> None:
    FleetAlarm.objects.filter(closed_at__lt=now - KEPT_FOR).delete()


def _polled() -> int:
    return Node.objects.filter(enabled=True).count()


def is_suspicious(failing: int, polled: int) -> bool:
    """Are these too many failures for the nodes alone?"""
    return failing >= FEWEST and failing >= SHARE * polled
