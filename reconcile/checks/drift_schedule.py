"""Which interfaces are to be checked for drift now, and how long findings are kept."""

import datetime as dt
from collections.abc import Collection, Iterable
from uuid import UUID

from celery import current_app
from django.db import transaction
from django.db.models import F, Q, QuerySet

from nodes.interfaces import Condition, Interface
from reconcile.models import DriftRecord, ReconcileRun

HEARTBEAT = "drift"
CHECK = "reconcile.tasks.check_drift"
INTERVAL = dt.timedelta(minutes=15)
AFTER_A_REPORT = dt.timedelta(minutes=1)
KEPT = dt.timedelta(days=90)
MOST = 1000  # a minute: 10,000 interfaces within the interval
SPREAD_SECONDS = 50  # of the minute until the next ones
EXPIRES_SECONDS = 300


def checkable() -> QuerySet[Interface]:
    """Interfaces of enabled nodes that were told of them."""
    return Interface.objects.present().filter(node__enabled=True, observed_generation__gt=0)


def due(now: dt.datetime) -> list[UUID]:
    """Those whose last check is long ago, or whose node reports a difference since."""
    troubled = Q(condition__in=(Condition.DRIFTED, Condition.INCOMPLETE))
    long_ago = Q(drift=None) | Q(drift__checked_at__lt=now - INTERVAL)
    reported = troubled & Q(drift__checked_at__lt=now - AFTER_A_REPORT)
    rows = (
        checkable()
        .filter(long_ago | reported)
        .order_by(F("drift__checked_at").asc(nulls_first=True), "pk")
    )
    return list(rows.values_list("pk", flat=True)[:MOST])


def request(interfaces: Iterable[UUID]) -> int:
    """Have these interfaces checked soon; return how many they are."""
    ids = [str(interface_id) for interface_id in interfaces]
    transaction.on_commit(lambda: send(ids), robust=True)
    return len(ids)


def send(ids: Collection[str], over_seconds: float = 0) -> None:
    """Hand each to a worker, spread evenly over so many seconds: pushes go by the same queue, and
    none shall wait behind a thousand checks."""
    for position, interface_id in enumerate(ids):
        current_app.send_task(
            CHECK,
            [interface_id],
            queue="sync",
            retry=False,
            expires=EXPIRES_SECONDS,
            countdown=position * over_seconds / len(ids) or None,
        )


def forget_old(now: dt.datetime) -> int:
    """Remove findings and decisions that are older than 90 days; return how many."""
    records, _ = DriftRecord.objects.filter(checked_at__lt=now - KEPT).delete()
    runs = ReconcileRun.objects.exclude(done_at=None).filter(started_at__lt=now - KEPT)
    return records + runs.delete()[0]
