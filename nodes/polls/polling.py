"""Ask many nodes and remember what they told; claim those that are due; ask for a poll now."""

import datetime as dt
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from uuid import UUID

from celery import current_app
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Case, Value, When
from django.utils import timezone

from nodes.calling.exchange import MISTAKEN_IDENTITY, AgentError
from nodes.calling.pins import Pins
from nodes.calling.promotion import promote
from nodes.calling.targets import Seen
from nodes.models import Node, PollingPolicy, Status
from nodes.polls import cadence, fanout, poll_counts, results
from nodes.polls.inquiry import Inquiry, Outcome
from nodes.polls.results import Written
from nodes.querysets import NodeQuerySet

# Several threads that compute at once only take the interpreter from each other at each step.
_turn = threading.Lock()
WAKE_UP = "nodes.tasks.start_polls"


@dataclass
class Round:
    """What came of asking: `written` is less than `asked` where rows changed meanwhile.

    `failures` counts them by the code of their AgentError.
    """

    asked: int
    reported: int = 0
    written: int = 0
    failures: Counter[str] = field(default_factory=Counter)

    def add(self, written: Written) -> None:
        self.written += written.rows
        self.reported += written.reported
        self.failures += written.failures


def poll(node_ids: Iterable[UUID]) -> Round:
    """Ask these nodes, all at once, and store what each told; disabled ones are left out.

    Results are stored in portions as they come, so that a silent node holds nobody up.
    """
    interval = PollingPolicy.current().interval
    rows = Node.objects.filter(pk__in=list(node_ids), enabled=True).order_by()
    nodes = [Seen._make(row) for row in rows.values_list(*Seen._fields)]
    summary = Round(asked=len(nodes))
    for outcomes in _ask(nodes):
        written = results.write(outcomes, interval)
        _promote(outcomes)
        _count(written, outcomes, timezone.now())
        summary.add(written)
    if summary.failures:
        settle_overdue(timezone.now(), interval)
    return summary


def _count(written: Written, outcomes: Iterable[Outcome], now: dt.datetime) -> None:
    """Add to the fleet's figures. An agent that is still starting is no failure of the fleet."""
    failed = [it.node.id for it in outcomes if isinstance(it.result, AgentError)]
    starting = Node.objects.joining(now).filter(pk__in=failed).count() if failed else 0
    poll_counts.note(written.reported, len(failed) - starting, now)


def _promote(outcomes: Iterable[Outcome]) -> None:
    for node in (outcome.node for outcome in outcomes if outcome.changed_certificate):
        promote(node.id, Pins(node.tls_pin, node.next_tls_pin))


def _ask(nodes: Iterable[Seen]) -> Iterator[list[Outcome]]:
    with _turn:
        inquiries, refused = _begin(nodes)
    if refused:
        yield refused
    while inquiries:
        again: list[Inquiry] = []
        for ended in fanout.current(settings.POLLS_IN_FLIGHT).ask(inquiries):
            with _turn:
                outcomes = _conclude(ended, again)
            yield outcomes
        inquiries = again


def _conclude(ended: Iterable[Inquiry], again: list[Inquiry]) -> list[Outcome]:
    """Verify all, then read all: each step in one go costs half of both in turn."""
    replies = [(inquiry, inquiry.reply()) for inquiry in ended]
    again += [inquiry for inquiry, reply in replies if reply is None]
    return [inquiry.outcome(reply) for inquiry, reply in replies if reply is not None]


def _begin(nodes: Iterable[Seen]) -> tuple[list[Inquiry], list[Outcome]]:
    """Sign a request for each node; those that cannot be asked have their outcome already."""
    inquiries: list[Inquiry] = []
    refused: list[Outcome] = []
    for node in nodes:
        try:
            inquiries.append(Inquiry.begin(node))
        except AgentError as error:
            now = time.time()
            refused.append(Outcome(node, now, now, error, None))
    return inquiries, refused


def settle_overdue(now: dt.datetime, interval: dt.timedelta) -> int:
    """Give failing nodes their verdict once their grace is over; return how many got it.

    Rows that are being written at this moment are left to their writer, who settles next.
    """
    verdict = Case(
        When(status_reason__in=MISTAKEN_IDENTITY, then=Value(Status.IDENTITY_MISMATCH)),
        default=Value(Status.OFFLINE),
    )
    with transaction.atomic():
        overdue = Node.objects.overdue(now + cadence.SETTLE_AHEAD, interval)
        free = overdue.order_by().select_for_update(skip_locked=True).values("pk")
        return Node.objects.filter(pk__in=free).update(status=verdict, status_since=now)


def recall_stray(now: dt.datetime, interval: dt.timedelta) -> int:
    """Make nodes due whose next poll lies further ahead than it ever should."""
    return Node.objects.stray(now, interval).update(next_poll_at=now)


def hurry_joining(now: dt.datetime) -> int:
    """Make nodes due that are joining; return how many were not."""
    waiting = Node.objects.joining(now).filter(enabled=True, next_poll_at__gt=now)
    return waiting.update(next_poll_at=now)


def claim_due(now: dt.datetime, limit: int) -> Iterator[list[UUID]]:
    """Claim at most `limit` nodes that are due, and yield their ids batch by batch.

    A batch is claimed when it is asked for: the one before is being polled meanwhile, and nobody
    waits long for the rows. Nodes that failed last time are in batches of their own: they will take
    longer. A claim ends by itself, so whatever becomes of the batch, the node is due again.
    """
    due = Node.objects.due(now).order_by("next_poll_at").values_list("pk", "failures")[:limit]
    found = list(due)
    sound = [node_id for node_id, failures in found if not failures]
    failing = [node_id for node_id, failures in found if failures]
    for batch in (*_batches(sound), *_batches(failing)):
        if claimed := _claim(batch, now):
            yield claimed


def _claim(node_ids: list[UUID], now: dt.datetime) -> list[UUID]:
    """Claim those that are still free; return their ids."""
    due = Node.objects.due(now).filter(pk__in=node_ids).order_by()
    free = due.select_for_update(skip_locked=True).values("pk")
    with transaction.atomic(), connection.cursor() as cursor:
        sql, parameters = free.query.get_compiler(connection=connection).as_sql()
        until = connection.ops.adapt_datetimefield_value(now + cadence.CLAIM)
        cursor.execute(
            f"WITH due(id) AS ({sql}) UPDATE nodes_node SET claimed_until = %s"  # noqa: S608 (of the ORM)
            " WHERE id IN (SELECT due.id FROM due) RETURNING id",
            [*parameters, until],
        )
        return [_uuid(key) for (key,) in cursor.fetchall()]


def _uuid(key: UUID | str) -> UUID:
    return key if isinstance(key, UUID) else UUID(hex=key)


def _batches(ids: list[UUID]) -> list[list[UUID]]:
    size = settings.POLL_BATCH
    return [ids[start : start + size] for start in range(0, len(ids), size)]


def request_polls(nodes: NodeQuerySet) -> int:
    """Make the enabled ones of `nodes` due now and wake a worker; return how many that are."""
    count = nodes.filter(enabled=True).update(next_poll_at=timezone.now())
    if count:
        transaction.on_commit(_wake_up, robust=True)
    return count


def _wake_up() -> None:
    # Only a wake-up: should the broker be down, the next tick finds the nodes due.
    current_app.send_task(WAKE_UP, expires=cadence.BATCH_EXPIRES.total_seconds(), retry=False)
