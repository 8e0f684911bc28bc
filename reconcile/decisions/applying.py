"""Preview what is to be done about drift, and do exactly what was previewed."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db import transaction

from accounts.actor import Actor
from nodes.calling.exchange import AgentError
from nodes.interfaces import Interface
from peers import desired
from peers.models import Peer
from reconcile.checks.drift import Item
from reconcile.decisions import adopting, plans
from reconcile.decisions.plans import Act, Choices, Flags, Plan
from reconcile.models import Drift, DriftState, ReconcileRun
from reconcile.pushing import asking
from reconcile.pushing.asking import Deadline

UP_SECONDS = 30.0


class PlanChanged(Exception):
    """What would be done is not what was previewed; look again."""


class NothingKnown(Exception):
    """Nobody knows how the interface stands; the sentence says why."""


def preview(interface: Interface, choices: Choices | Flags) -> Plan:
    """What would be done about the last finding; raises NothingKnown."""
    row = Drift.objects.filter(interface=interface.pk).first()
    if row is None:
        raise NothingKnown("The interface has not been checked yet.")
    if row.state == DriftState.UNKNOWN:
        raise NothingKnown(f"The last check found nothing out: {row.reason}")
    items = [Item.parse(told) for told in row.items]
    chosen = choices.choose(items) if isinstance(choices, Flags) else choices
    return plans.make(interface.pk, items, chosen, live=row.live, live_count=row.live_count)


def apply(
    user: Actor, interface: Interface, choices: Choices | Flags, plan_hash: str
) -> ReconcileRun | None:
    """Do what was previewed; return the decision that the node must confirm, None if it need not.

    Raises NothingKnown, PlanChanged, adopting.NotAdoptable; then nothing was done. Raises
    AgentError where the node would not bring the interface up.
    """
    plan = preview(interface, choices)
    if plan.hash != plan_hash:
        raise PlanChanged("What was found has changed since the preview.")
    _bring_up(interface, plan)
    with transaction.atomic():
        for item in plan.items(Act.ADOPT):
            adopting.adopt(user, interface, item)
        _ignore(interface, plan.items(Act.IGNORE))
        return _revert(user, interface, plan)


def tell_again(interface: Interface) -> None:
    """Let everything that was ignored be found again; the next check tells it."""
    Drift.objects.filter(interface=interface.pk).update(ignored=[])


def _bring_up(interface: Interface, plan: Plan) -> None:
    """What somebody took down on purpose stays down until it is told otherwise."""
    if any(item.kind == "interface" and item.field == "status" for item in plan.items(Act.REVERT)):
        deadline = Deadline.in_seconds(UP_SECONDS)
        present = Interface.objects.select_related("node").get(pk=interface.pk)
        asking.tell(present, "POST", "/up", deadline=deadline)


def _ignore(interface: Interface, items: Sequence[Item]) -> None:
    if not items:
        return
    row = Drift.objects.select_for_update().get(interface=interface.pk)
    gone = {item.identity for item in items}
    row.ignored = sorted({*row.ignored, *gone})
    row.items = [told for told in row.items if Item.parse(told).identity not in gone]
    row.count = max(row.count - len(items), len(row.items))
    row.state = DriftState.DRIFTED if row.count else DriftState.IN_SYNC
    row.save(update_fields=["ignored", "items", "count", "state"])


def _revert(user: Actor, interface: Interface, plan: Plan) -> ReconcileRun | None:
    reverted = plan.items(Act.REVERT)
    if not reverted:
        return None
    present = desired.locked(interface.pk)
    ours = [it.public_key for it in reverted if it.kind in ("missing", "mismatched")]
    unknown = {it.public_key for it in reverted if it.kind == "unknown" and not it.is_on_disk}
    Peer.objects.in_document().filter(interface=present, public_key__in=ours).update(
        generation=present.desired_generation + 1
    )
    desired.raise_generation(present)
    return ReconcileRun.objects.create(
        interface=present,
        kind=ReconcileRun.Kind.PLAN,
        plan_hash=plan.hash,
        actions=plan.as_json()["steps"],
        generation=present.desired_generation,
        removals=sorted(key for key in unknown if key),
        is_whole=plan.is_whole,
        started_by_id=getattr(user, "pk", None),
    )


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """Plans of many interfaces; `unknown` says why others have none."""

    plans: tuple[Plan, ...]
    unknown: dict[UUID, str] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        return hashlib.sha256("".join(plan.hash for plan in self.plans).encode()).hexdigest()

    @property
    def sessions(self) -> int:
        return sum(plan.sessions for plan in self.plans)


@dataclass(slots=True)
class Outcome:
    """What became of the plans: decisions that nodes must confirm, and what went wrong."""

    runs: list[ReconcileRun] = field(default_factory=list)
    failed: dict[UUID, str] = field(default_factory=dict)


def preview_many(interfaces: Iterable[Interface], flags: Flags) -> FleetPlan:
    """What would be done to all of them, such as those of a node or of a group."""
    made, unknown = [], {}
    for interface in interfaces:
        try:
            made.append(preview(interface, flags))
        except NothingKnown as error:
            unknown[interface.pk] = str(error)
    return FleetPlan(tuple(plan for plan in made if plan), unknown)


def apply_many(
    user: Actor, interfaces: Sequence[Interface], flags: Flags, plan_hash: str
) -> Outcome:
    """Do what was previewed; raises PlanChanged. One that fails holds up no other."""
    plan = preview_many(interfaces, flags)
    if plan.hash != plan_hash:
        raise PlanChanged("What was found has changed since the preview.")
    rows, outcome = {interface.pk: interface for interface in interfaces}, Outcome()
    for one in plan.plans:
        try:
            run = apply(user, rows[one.interface_id], flags, one.hash)
        except (NothingKnown, PlanChanged, AgentError) as error:
            outcome.failed[one.interface_id] = str(error)
        else:
            outcome.runs += [run] if run else []
    return outcome
