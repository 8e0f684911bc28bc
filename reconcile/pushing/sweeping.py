"""The guarantee behind the hints: whatever is due is found again every 5 s."""

import datetime as dt
from collections.abc import Iterator
from uuid import UUID

from reconcile.pushing import leases, outbox

HEARTBEAT = "sync"
SECONDS = 5
MOST = 500  # in one sweep; the longest waiting first


def overdue(now: dt.datetime) -> Iterator[UUID]:
    """Interfaces that are due and that nobody is pushing."""
    rows = outbox.due(now).filter(leases.free(now))
    yield from rows.order_by("sync_not_before", "pk").values_list("pk", flat=True)[:MOST]
