"""A request that is sent twice makes one peer: Idempotency-Key, remembered for a day."""

import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Any

from accounts.actor import Actor
from peers.errors import IdempotencyConflict
from peers.models import IdempotencyKey

KEPT_FOR = dt.timedelta(hours=24)


def digest(request: Mapping[str, Any]) -> str:
    """What a request asks for, as 64 hexadecimal digits: the request itself is not stored."""
    text = json.dumps(request, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def claim(
    user: Actor, key: str, request_digest: str, peer_id: uuid.UUID, now: dt.datetime
) -> uuid.UUID:
    """Return the id of the peer of this key: `peer_id`, or that of an earlier request.

    Of several at once the first holds up the others until it has ended. Raises IdempotencyConflict
    when the key served another request.
    """
    user_id: Any = user.pk if user is not None else None
    _forget_old(user_id, key, now)
    row, _ = IdempotencyKey.objects.get_or_create(
        user_id=user_id,
        key=key,
        defaults={"request_digest": request_digest, "peer_id": peer_id, "created_at": now},
    )
    if row.request_digest != request_digest:
        raise IdempotencyConflict("This Idempotency-Key was used for another request.")
    return row.peer_id


def _forget_old(user_id: Any, key: str, now: dt.datetime) -> None:
    rows = IdempotencyKey.objects.filter(user_id=user_id, key=key, created_at__lte=now - KEPT_FOR)
    rows.delete()


def prune(now: dt.datetime) -> int:
    """Forget the keys of yesterday; return how many."""
    return IdempotencyKey.objects.filter(created_at__lte=now - KEPT_FOR).delete()[0]
