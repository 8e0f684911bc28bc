"""What Celery runs to bring nodes to what is desired. A lost message loses nothing."""

from typing import Any
from uuid import UUID, uuid4

from celery import shared_task
from django.utils import timezone

from reconcile import push as pushing
from reconcile import reported, sweeping
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
