"""Which interfaces are to be checked for drift now, and how long findings are kept."""

import datetime as dt
from collections.abc import Iterable
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
MOST = 200
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


def send(ids: Iterable[str]) -> None:
    """Hand each to a worker."""
    for interface_id in ids:
        current_app.send_task(
            CHECK, [interface_id], queue="sync", retry=False, expires=EXPIRES_SECONDS
        )


def forget_old(now: dt.datetime) -> int:
    """Remove findings and decisions that are older than 90 days; return how many."""
    records, _ = DriftRecord.objects.filter(checked_at__lt=now - KEPT).delete()
    runs = ReconcileRun.objects.exclude(done_at=None).filter(started_at__lt=now - KEPT)
    return records + runs.delete()[0]
