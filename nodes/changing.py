"""Change one thing of many nodes at once, remembering who did it."""

import uuid
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.actor import Actor
from nodes.models import Node

CHANGEABLE = frozenset({"group", "enabled", "maintenance"})
BATCH = 500


@transaction.atomic
def change(nodes: QuerySet[Node], user: Actor, **fields: Any) -> int:
    """Give all of `nodes` these `fields` and return how many had other values before.

    Each changed node's history says that `user` did it. Raises ValueError for a field that is not
    CHANGEABLE.
    """
    if refused := fields.keys() - CHANGEABLE:
        raise ValueError(f"not for many nodes at once: {', '.join(sorted(refused))}")
    pks = sorted(nodes.values_list("pk", flat=True))
    batches = (pks[start : start + BATCH] for start in range(0, len(pks), BATCH))
    return sum(_change_batch(batch, user, fields) for batch in batches)


def _change_batch(pks: list[uuid.UUID], user: Actor, fields: dict[str, Any]) -> int:
    now = timezone.now()
    remembered = [field.name for field in Node.history.model.tracked_fields]
    others = Node.objects.filter(pk__in=pks).exclude(**fields)
    # in one order, so that two people who change the same nodes do not wait for each other
    changed = list(others.select_for_update().order_by("pk").only(*remembered))
    Node.objects.filter(pk__in=[node.pk for node in changed]).update(**fields, updated_at=now)
    for node in changed:
        for name, value in fields.items():
            setattr(node, name, value)
    Node.history.bulk_history_create(
        changed, batch_size=BATCH, update=True, default_user=user, default_date=now
    )
    return len(changed)
