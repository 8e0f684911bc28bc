"""Check an interface for drift and remember what was found; an error is never `no drift`."""

import datetime as dt
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone

from keyring.sealing import SecretLocked
from nodes.exchange import AgentError
from nodes.interfaces import Interface
from peers.models import Peer
from reconcile import asking, documents, drift, sides
from reconcile.documents import NotRendered
from reconcile.drift import Item
from reconcile.models import Drift, DriftRecord, DriftState

MOST_STORED = 1000
# The file is written at most 2 s after a change, and what is in it is some generation until then.
FILE_SETTLES = dt.timedelta(seconds=15)
NOT_TOLD_YET = "The node has not been told of this interface yet."


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found; without a `reason` it was possible to know."""

    items: list[Item] = field(default_factory=list)
    live: frozenset[str] = frozenset()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """One comparison; `is_quiet` when nothing was changed or on its way meanwhile."""

    items: list[Item]
    live: frozenset[str]
    is_quiet: bool


def check(interface: Interface) -> Drift:
    """Compare what is desired, what runs, and what is on disk; store and return the finding."""
    return record(interface, find(interface))


def find(interface: Interface) -> Finding:
    """The same without storing anything."""
    try:
        return _find(interface)
    except (AgentError, NotRendered, SecretLocked) as error:
        return Finding(reason=str(error)[:300])


def _find(interface: Interface) -> Finding:
    if not interface.observed_generation:
        return Finding(reason=NOT_TOLD_YET)
    look = _look(interface)
    if look.is_quiet:
        return Finding(look.items, look.live)
    again = _look(interface)
    return Finding(drift.confirmed(look.items, again.items), again.live)


def _look(interface: Interface) -> Look:
    before = Interface.objects.select_related("node").get(pk=interface.pk)
    reading = documents.whole(interface.pk)
    try:
        dump = asking.ask(before, "/dump", query="max_age=0")
        conf = asking.ask(before, "/conf")
    except AgentError as error:
        if error.envelope.get("error") != "no_such_interface":
            raise
        gone = Item("interface", field="status", desired="up", observed="none")
        return Look([gone], frozenset(), is_quiet=True)
    items, live = _compare(before, reading, dump, conf)
    after = Interface.objects.values_list("desired_generation").get(pk=interface.pk)[0]
    is_quiet = before.observed_generation == reading.state.generation == after
    return Look(_without_changes_on_their_way(before, items), live, is_quiet)


def _compare(
    interface: Interface, reading: documents.Reading, dump: sides.Told, conf: sides.Told
) -> tuple[list[Item], frozenset[str]]:
    now = time.time() + (interface.node.clock_skew_ms or 0) / 1000
    desired = sides.desired(reading, interface.node, interface.public_key)
    on_disk = sides.on_disk(conf) if _is_file_settled(interface, conf) else None
    items = drift.compare(desired, sides.running(dump), on_disk, now)
    return items, frozenset(sides.alive(dump, now))


def _is_file_settled(interface: Interface, conf: sides.Told) -> bool:
    if conf.get("generation") == interface.observed_generation or interface.synced_at is None:
        return True
    return timezone.now() > interface.synced_at + FILE_SETTLES


def _without_changes_on_their_way(interface: Interface, items: Iterable[Item]) -> list[Item]:
    if interface.desired_generation == interface.observed_generation:
        return list(items)
    above = Peer.objects.filter(
        interface=interface.pk, generation__gt=interface.observed_generation
    )
    keys = set(above.values_list("public_key", flat=True))
    return [it for it in items if it.public_key not in keys and not _is_setting(it)]


def _is_setting(item: Item) -> bool:
    return item.kind == "interface" and item.field not in ("status", drift.CONF)


@transaction.atomic
def record(interface: Interface, finding: Finding) -> Drift:
    """Store a finding; it becomes history where it is another than the last."""
    row, _ = Drift.objects.select_for_update().get_or_create(interface_id=interface.pk)
    before = (row.state, row.reason, row.items, row.count)
    items = [it for it in finding.items if it.identity not in row.ignored]
    row.state, row.reason = _state(items, finding), finding.reason
    row.checked_at, row.count = timezone.now(), len(items)
    row.items = _storable(items[:MOST_STORED])
    row.live_count = len(finding.live)
    row.live = [it.public_key for it in items[:MOST_STORED] if it.public_key in finding.live]
    row.ignored = _still_ignored(row, finding)
    row.save()
    if before != (row.state, row.reason, row.items, row.count):
        _remember(row)
    return row


def _state(items: list[Item], finding: Finding) -> DriftState:
    if finding.reason:
        return DriftState.UNKNOWN
    return DriftState.DRIFTED if items else DriftState.IN_SYNC


def _storable(items: Iterable[Item]) -> list[dict[str, Any]]:
    """A database cannot keep every character that JSON can have."""
    listed = [it.as_json() for it in items]
    cleaned: list[dict[str, Any]] = json.loads(json.dumps(listed).replace("\\u0000", "\\ufffd"))
    return cleaned


def _still_ignored(row: Drift, finding: Finding) -> list[str]:
    """Forget what is gone, unless nobody knows."""
    present = {it.identity for it in finding.items}
    return row.ignored if finding.reason else [it for it in row.ignored if it in present]


def _remember(row: Drift) -> None:
    DriftRecord.objects.create(
        interface_id=row.pk,
        checked_at=row.checked_at,
        state=row.state,
        reason=row.reason,
        items=row.items,
        count=row.count,
    )
