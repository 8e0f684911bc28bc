"""Remember what a node has confirmed: within an epoch its generation never goes down."""

from uuid import UUID

from django.db import transaction
from django.db.models import Case, Q, Value, When
from django.utils import timezone
from wgpanel_agent.documents import State

from nodes.interfaces import Condition, Interface
from peers.configuration import delivery
from peers.models import Peer
from reconcile.checks import drift_schedule
from reconcile.models import ReconcileRun


@transaction.atomic
def confirm(interface_id: UUID, state: State, *, public_key: str | None = None) -> bool:
    """The node has `state`, as it said in a verified answer or report; False if that is old news.

    Tombstones up to it go, and with them the last claim on their addresses, which may be given
    again once they have rested. Decisions that waited for it are done.
    """
    now = timezone.now()
    behind = Q(observed_generation__lt=state.generation) | Q(
        observed_generation=state.generation, observed_hash__in=("", state.hash)
    )
    rows = Interface.objects.filter(behind, pk=interface_id, epoch=state.epoch)
    confirmed = rows.update(
        observed_generation=state.generation,
        observed_hash=state.hash,
        condition=_condition(state),
        condition_reason="",
        sync_attempts=0,
        sync_not_before=None,
        sync_error="",
        synced_at=now,
    )
    if confirmed:
        _keep_key(interface_id, public_key)
        _bury(interface_id, state.generation)
        _conclude(interface_id, state.generation)
    return bool(confirmed)


def _keep_key(interface_id: UUID, public_key: str | None) -> None:
    """The node made the key; whoever holds a file with another one needs a new file."""
    others = Interface.objects.exclude(public_key=public_key or "")
    interface = others.select_related("node").filter(pk=interface_id).first()
    if public_key and interface is not None:
        interface.public_key = public_key
        interface.save(update_fields=["public_key"])
        delivery.interface_changed(interface)


def _condition(state: State) -> Case:
    """In sync, unless more is desired by now."""
    more = When(desired_generation__gt=state.generation, then=Value(Condition.PENDING))
    return Case(more, default=Value(Condition.IN_SYNC))


def _bury(interface_id: UUID, generation: int) -> None:
    tombstones = Peer.objects.removed().filter(interface=interface_id, generation__lte=generation)
    tombstones.delete()


def _conclude(interface_id: UUID, generation: int) -> None:
    """Decisions that the node has carried out are done; whether it helped, a check will tell."""
    runs = ReconcileRun.objects.filter(interface=interface_id, done_at=None)
    waiting = runs.filter(generation__lte=generation)
    if waiting.update(done_at=timezone.now(), outcome="Confirmed by the node."):
        drift_schedule.request([interface_id])


def forget(interface_id: UUID) -> None:
    """The node has taken a removed interface down: it goes, with all tombstones on it.

    Raises ProtectedError while a peer that nobody removed is on it.
    """
    with transaction.atomic():
        Peer.objects.removed().filter(interface=interface_id).delete()
        Interface.objects.filter(pk=interface_id, removed_at__isnull=False).delete()
