"""A node has what this panel's database never wanted: an operator chooses whose state holds.

Until then nothing is pushed. Both choices end in the panel taking the node over in a new epoch, on
exactly the state that the operator saw; choosing the node's state changes the panel's rows first,
so that the take-over changes little on the node.
"""

import hashlib
import json
import time
import uuid
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone
from wgpanel_agent.documents import State

from accounts.actor import Actor
from nodes.interfaces import Condition, Interface
from peers import desired
from reconcile import documents
from reconcile.checks import drift, sides
from reconcile.checks.drift import Item
from reconcile.decisions import adopting
from reconcile.decisions.adopting import NotAdoptable
from reconcile.decisions.applying import PlanChanged
from reconcile.models import ReconcileRun
from reconcile.pushing import answers, asking


@dataclass(frozen=True, slots=True)
class Standing:
    """How panel and node differ now; `state` is the node's, None where it has none."""

    interface_id: uuid.UUID
    state: State | None
    items: tuple[Item, ...]
    live: frozenset[str]

    def keys(self, kind: str) -> list[str]:
        return sorted({it.public_key for it in self.items if it.kind == kind and it.public_key})

    @property
    def removals(self) -> list[str]:
        """Peers that the node loses if the panel's state holds."""
        return self.keys("unknown")

    @property
    def keyless(self) -> list[str]:
        """Peers that need a new file if the node's state holds: an agent tells no preshared key."""
        return sorted(
            it.public_key
            for it in self.items
            if it.kind == "unknown" and it.public_key and it.observed["preshared_key"]
        )

    @property
    def hash(self) -> str:
        """Stays the same while the node and its difference from the panel do."""
        seen = [self.state.etag if self.state else None, *sorted(it.identity for it in self.items)]
        return hashlib.sha256(json.dumps(seen).encode()).hexdigest()


def inspect(interface: Interface) -> Standing:
    """Ask the node; raises AgentError, documents.NotRendered, SecretLocked."""
    present = Interface.objects.select_related("node").get(pk=interface.pk)
    told = asking.ask(present)
    dump = asking.ask(present, "/dump", query="max_age=0")
    reading = documents.whole(present.pk)
    now = time.time() + (present.node.clock_skew_ms or 0) / 1000
    wanted = sides.desired(reading, present.node, present.public_key)
    items = drift.compare(wanted, sides.running(dump), None, now)
    live = frozenset(sides.alive(dump, now))
    return Standing(present.pk, answers.told_state(told), tuple(items), live)


def keep_panels(user: Actor, interface: Interface, seen_hash: str) -> ReconcileRun:
    """Let the panel's state hold, as it was seen by `inspect`.

    The peers in `Standing.removals` go. Raises what `inspect` raises, and PlanChanged.
    """
    standing = _as_seen(interface, seen_hash)
    return _take_over(user, standing, removals=len(standing.removals))


def keep_nodes(user: Actor, interface: Interface, seen_hash: str) -> ReconcileRun:
    """Let the node's state hold, as it was seen by `inspect`.

    Peers that only the node has are created, those that only the panel has are disabled. Raises
    what `inspect` raises, PlanChanged, and NotAdoptable for a peer that the panel cannot have.
    """
    standing = _as_seen(interface, seen_hash)
    with transaction.atomic():
        for item in standing.items:
            _adopt(user, interface, item)
        return _take_over(user, standing, removals=0)


def _adopt(user: Actor, interface: Interface, item: Item) -> None:
    """What the panel cannot have of a peer that it knows stays the panel's; nobody is removed."""
    try:
        adopting.adopt(user, interface, item)
    except NotAdoptable:
        if item.kind == "unknown":
            raise


def _as_seen(interface: Interface, seen_hash: str) -> Standing:
    standing = inspect(interface)
    if standing.hash != seen_hash:
        raise PlanChanged("The node, or the panel, has changed since it was looked at.")
    return standing


@transaction.atomic
def _take_over(user: Actor, standing: Standing, *, removals: int) -> ReconcileRun:
    """Begin a new epoch, in which any generation of the panel is news to the node."""
    interface = desired.locked(standing.interface_id)
    now = timezone.now()
    earlier = interface.reconcile_runs.filter(done_at=None)
    earlier.update(done_at=now, outcome="Followed by another decision.")
    fresh: dict[str, Any] = {
        "epoch": uuid.uuid4(),
        "observed_generation": 0,
        "observed_hash": "",
        "condition": Condition.PENDING,
        "condition_reason": "",
        "sync_not_before": None,
        "sync_attempts": 0,
        "sync_error": "",
    }
    Interface.objects.filter(pk=interface.pk).update(**fresh)
    desired.hint(interface.pk)
    return ReconcileRun.objects.create(
        interface=interface,
        kind=ReconcileRun.Kind.TAKE_OVER,
        plan_hash=standing.hash,
        actions=[item.as_json() for item in standing.items[:1000]],
        generation=interface.desired_generation,
        replaces=standing.state.etag if standing.state else "",
        confirm_removals=removals,
        started_by_id=getattr(user, "pk", None),
    )
