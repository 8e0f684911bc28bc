"""Delete a group; its nodes stay, without a group."""

from django.db import transaction
from django.utils import timezone

from accounts.actor import Actor
from groups.models import NodeGroup

BATCH = 500
MAX_REASON = 100  # characters, the column of the history


@transaction.atomic
def delete_leaving_nodes(group: NodeGroup, user: Actor) -> int:
    """Delete `group` and return how many nodes are without a group now.

    The history of the group and of each node says that `user` did it.
    """
    # the lock keeps nodes from joining meanwhile: their foreign key waits for it
    NodeGroup.objects.select_for_update().get(pk=group.pk)
    ungrouped = _ungroup_nodes(group, user)
    group._history_user = user  # type: ignore[attr-defined]  # read by simple_history
    group.delete()
    return ungrouped


def _ungroup_nodes(group: NodeGroup, user: Actor) -> int:
    history = group.nodes.model.history
    remembered = [field.name for field in history.model.tracked_fields]
    nodes = list(group.nodes.select_for_update().order_by("pk").only(*remembered))
    now = timezone.now()
    group.nodes.update(group=None, updated_at=now)
    for node in nodes:
        node.group = None
    history.bulk_history_create(
        nodes,
        batch_size=BATCH,
        update=True,
        default_user=user,
        default_date=now,
        default_change_reason=f"Group deleted: {group}"[:MAX_REASON],
    )
    return len(nodes)
