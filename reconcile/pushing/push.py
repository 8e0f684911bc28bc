"""Tell a node what is desired of one interface, until it has confirmed that.

`push` may be called by anybody at any time, also by several at once: what is due is decided by the
interface's row, and the node refuses whatever is older than what it has.
"""

import datetime as dt
import logging
from uuid import UUID

from django.db import DatabaseError
from django.utils import timezone

from nodes.interfaces import Condition, Interface
from reconcile.pushing import backoff, delivery, leases, takedown
from reconcile.pushing.answers import Meaning, Step
from reconcile.pushing.asking import Deadline
from reconcile.pushing.delivery import Stopped
from reconcile.pushing.leases import Lease

logger = logging.getLogger(__name__)

SECONDS = 42.0  # a task's soft limit is 45 s


def push(interface_id: UUID, owner: str, *, hinted: bool = False) -> None:
    """Bring the node up to date while there is something to tell it.

    `owner` names the caller; `hinted` says that somebody has just edited the interface.
    """
    deadline = Deadline.in_seconds(SECONDS)
    while not deadline.is_near:
        lease = leases.take(interface_id, owner, hinted=hinted)
        if lease is None:
            return
        _push_once(lease, deadline)


def _push_once(lease: Lease, deadline: Deadline) -> None:
    interface = Interface.objects.select_related("node").get(pk=lease.interface_id)
    act = delivery.deliver if interface.removed_at is None else takedown.take_down
    try:
        act(interface, lease, deadline)
    except Stopped as stop:
        _give_up(lease, interface, stop.meaning)
    except DatabaseError as error:
        reason = f"The database failed: {error}"[:300]
        _give_up(lease, interface, Meaning(Step.TRY_LATER, Condition.UNKNOWN, reason))
    else:
        lease.release()


def _give_up(lease: Lease, interface: Interface, meaning: Meaning) -> None:
    logger.warning("%s of node %s: %s", interface.name, interface.node_id, meaning.reason)
    attempts = interface.sync_attempts + 1
    # what is lost stays so until the node has confirmed a document
    is_lost = interface.condition == Condition.LOST and meaning.step is not Step.ASK
    lease.release(
        rest=dt.timedelta(seconds=min(meaning.retry_after, backoff.LONGEST)),
        condition=Condition.LOST if is_lost else meaning.condition,
        condition_reason=meaning.reason,
        sync_error=meaning.reason,
        sync_attempts=attempts,
        sync_not_before=_not_before(meaning, attempts),
    )


def _not_before(meaning: Meaning, attempts: int) -> dt.datetime:
    seconds = backoff.LONGEST
    if meaning.step is Step.TRY_LATER:
        seconds = min(backoff.LONGEST, max(backoff.delay(attempts), meaning.retry_after))
    return timezone.now() + dt.timedelta(seconds=seconds)
