"""What Celery runs to bring nodes to what is desired. A lost message loses nothing."""

from typing import Any
from uuid import UUID, uuid4

from celery import shared_task
from django.utils import timezone

from reconcile.checks import checking, drift_schedule, reported
from reconcile.pushing import push as pushing
from reconcile.pushing import sweeping
from schedule.models import Heartbeat

EXPIRES_SECONDS = 30


@shared_task(bind=True, expires=EXPIRES_SECONDS)
def push(self: Any, interface_id: str, *, hinted: bool = True) -> None:
    """Tell a node what is desired of one interface; `hinted` after an edit."""
    pushing.push(UUID(interface_id), self.request.id or str(uuid4()), hinted=hinted)


@shared_task(expires=EXPIRES_SECONDS)
def sweep() -> None:
    """Read what nodes reported, and push what is due; of several beats only one does it."""
    now = timezone.now()
    if Heartbeat.claim(sweeping.HEARTBEAT, int(now.timestamp()) // sweeping.SECONDS):
        reported.settle(now)
        for interface_id in sweeping.overdue(now):
            push.apply_async([str(interface_id)], {"hinted": False})


@shared_task(expires=drift_schedule.EXPIRES_SECONDS)
def check_drift(interface_id: str) -> None:
    """Compare one interface with what is desired of it."""
    interface = drift_schedule.checkable().filter(pk=UUID(interface_id)).first()
    if interface is not None:
        checking.check(interface)


@shared_task(expires=EXPIRES_SECONDS)
def check_due() -> None:
    """Have those checked whose time has come; of several beats only one does it."""
    now = timezone.now()
    if Heartbeat.claim(drift_schedule.HEARTBEAT, int(now.timestamp()) // 60):
        due = [str(interface_id) for interface_id in drift_schedule.due(now)]
        drift_schedule.send(due, over_seconds=drift_schedule.SPREAD_SECONDS)


@shared_task
def prune() -> None:
    drift_schedule.forget_old(timezone.now())
