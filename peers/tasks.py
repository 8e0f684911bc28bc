"""What Celery runs for peers. The database holds what is due; a lost message loses nothing."""

import itertools
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from peers import expiring, facts, recounting
from peers.creation import idempotency
from peers.pools import capacity
from schedule.models import Heartbeat

FACTS = "facts"
FACTS_SECONDS = 15
FACTS_BATCH = 50


@shared_task(expires=10)
def expire() -> None:
    """Take peers whose time is over out of the desired state."""
    expiring.expire_due(timezone.now())


@shared_task(expires=60)
def review_addresses() -> None:
    """Open full nodes to selection again whose addresses have rested."""
    capacity.review_full()


@shared_task(expires=FACTS_SECONDS)
def read_facts() -> None:
    """Have nodes asked about their peers; of several beats only one does it."""
    now = timezone.now()
    if Heartbeat.claim(FACTS, int(now.timestamp()) // FACTS_SECONDS):
        ids = facts.askable().order_by("pk").values_list("pk", flat=True).iterator()
        while batch := list(itertools.islice(ids, FACTS_BATCH)):
            read_facts_of.delay([str(pk) for pk in batch])


@shared_task(expires=FACTS_SECONDS)
def read_facts_of(interface_ids: list[str]) -> None:
    facts.collect(UUID(pk) for pk in interface_ids)


@shared_task
def tidy_up() -> None:
    """Nightly: count again what is kept as a sum, and forget old Idempotency-Keys."""
    recounting.report()
    idempotency.prune(timezone.now())
