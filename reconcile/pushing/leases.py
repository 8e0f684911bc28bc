"""Who may push an interface now: a compare-and-swap on its own columns.

A lease keeps workers from doing one thing twice; nothing depends on it. Should it end too early,
the node refuses what is older than what it has. After a lease has ended `sync_lease_until` is when
that was.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from nodes.models import Interface
from reconcile.pushing import outbox

# A killed worker holds an interface up for so long: with the sweeper's 5 s, and a worker that has
# to start anew, less than 15 s.
SHORT = dt.timedelta(seconds=6)
LONGEST = dt.timedelta(seconds=60)  # the hard time limit of a task
CLOCKS_DIFFER = dt.timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of `owner` to push an interface."""

    interface_id: UUID
    owner: str

    def extend(self, length: dt.timedelta) -> bool:
        """Hold it for `length` from now; False when it has passed to somebody else."""
        until = timezone.now() + min(length, LONGEST)
        return bool(self._rows().update(sync_lease_until=until))

    def release(self, *, rest: dt.timedelta = dt.timedelta(), **columns: Any) -> bool:
        """Give it back and set other columns of the outbox; False when it had passed on.

        Nobody gets it for the time of `rest`, also if the node reports or somebody edits.
        """
        until = timezone.now() + min(rest, LONGEST)
        return bool(self._rows().update(sync_lease_owner="", sync_lease_until=until, **columns))

    def _rows(self) -> Any:
        return Interface.objects.filter(pk=self.interface_id, sync_lease_owner=self.owner)


def take(
    interface_id: UUID, owner: str, *, hinted: bool = False, now: dt.datetime | None = None
) -> Lease | None:
    """Lease an interface that is due; None when it is not, or somebody has it.

    A task that is delivered again to a new worker keeps its id, and with it its lease.
    """
    now = now or timezone.now()
    mine_or_free = free(now) | Q(sync_lease_owner=owner)
    due = outbox.due(now, hinted=hinted).filter(mine_or_free, pk=interface_id)
    taken = due.update(sync_lease_owner=owner, sync_lease_until=now + SHORT)
    return Lease(interface_id, owner) if taken else None


def free(now: dt.datetime) -> Q:
    """Nobody has it; one that reaches further than leases do is from before the clock stepped."""
    stray = Q(sync_lease_until__gt=now + LONGEST + CLOCKS_DIFFER)
    return Q(sync_lease_until=None) | Q(sync_lease_until__lte=now) | stray
