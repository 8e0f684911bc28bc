"""What Celery runs for polling. The database holds what is due; a lost message loses nothing."""

import datetime as dt
from typing import Any
from uuid import UUID

from celery import shared_task
from celery.signals import worker_process_shutdown, worker_shutdown
from django.conf import settings
from django.utils import timezone

from nodes import rotation
from nodes.enrolment import calling
from nodes.models import JoinToken, PollingPolicy
from nodes.polls import cadence, fanout, fleet, polling
from schedule.models import Heartbeat

EXPIRES = cadence.BATCH_EXPIRES.total_seconds()
MOST_BATCHES_A_TICK = 50


@shared_task(expires=EXPIRES)
def poll_due() -> None:
    """Do what is due this second; of several beats, or a late message, only the first does it."""
    now = timezone.now()
    if Heartbeat.claim(cadence.HEARTBEAT, int(now.timestamp())):
        interval = PollingPolicy.current().interval
        polling.settle_overdue(now, interval)
        polling.recall_stray(now, interval)
        polling.hurry_joining(now)
        fleet.watch(now)
        for token_id in calling.due(now):
            call_node.delay(str(token_id))
        _start_polls(now)


@shared_task(expires=EXPIRES)
def start_polls() -> None:
    """Start the polls that are due without waiting for the tick: somebody asked for one."""
    _start_polls(timezone.now())


def _start_polls(now: dt.datetime) -> None:
    for ids in polling.claim_due(now, MOST_BATCHES_A_TICK * settings.POLL_BATCH):
        poll_batch.delay([str(node_id) for node_id in ids])


@shared_task(expires=EXPIRES)
def poll_batch(ids: list[str]) -> None:
    polling.poll(UUID(node_id) for node_id in ids)


@shared_task(expires=EXPIRES)
def rotate_keys() -> None:
    """Begin where a key is too old, and hand out the steps that are due."""
    now = timezone.now()
    rotation.start_overdue(now)
    for node_id in rotation.due(now):
        rotate_key.delay(str(node_id))


@shared_task(expires=EXPIRES)
def rotate_key(node_id: str) -> None:
    rotation.go_on(UUID(node_id))


@shared_task(expires=EXPIRES)
def call_node(token_id: str) -> None:
    """Call a node that waits to join."""
    calling.call_due(UUID(token_id))


@shared_task
def prune() -> None:
    now = timezone.now()
    fleet.forget_old_alarms(now)
    JoinToken.objects.forgettable(now).delete()


@worker_process_shutdown.connect
@worker_shutdown.connect
def _close_connections(**_: Any) -> None:
    fanout.close()
