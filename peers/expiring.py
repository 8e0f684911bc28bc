"""Take peers whose time is over out of the desired state; their nodes do so by themselves too."""

import datetime as dt
import uuid

from django.db import transaction

from peers import desired
from peers.models import Peer

MOST_AT_ONCE = 5000


def expire_due(now: dt.datetime) -> int:
    """Take out the peers that are due, interface by interface; return how many."""
    due = Peer.objects.due(now).order_by("expires_at").values_list("interface_id", flat=True)
    return sum(_expire(interface_id, now) for interface_id in sorted(set(due[:MOST_AT_ONCE])))


@transaction.atomic
def _expire(interface_id: uuid.UUID, now: dt.datetime) -> int:
    interface = desired.locked(interface_id)
    due = interface.peers.due(now).order_by("expires_at")[:MOST_AT_ONCE]
    return desired.restamp(interface, list(due), now)
