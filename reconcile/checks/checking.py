"""Check an interface for drift and remember what was found; an error is never `no drift`."""

import datetime as dt
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from keyring.sealing import SecretLocked
from nodes.calling.exchange import AgentError
from nodes.interfaces import Interface
from peers.models import Peer
from reconcile import documents
from reconcile.checks import drift, sides
from reconcile.checks.drift import Item
from reconcile.documents import NotRendered
from reconcile.models import Drift, DriftRecord, DriftState
from reconcile.pushing import asking

MOST_STORED = 1000
# The file is written at most 2 s after a change, and what is in it is some generation until then.
FILE_SETTLES = dt.timedelta(seconds=15)
NOT_TOLD_YET = "The node has not been told of this interface yet."


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found; without a `reason` it was possible to know.

    `live` are keys with a session, all that are or those of differing peers; `sessions` counts all.
    """

    items: list[Item] = field(default_factory=list)
    live: frozenset[str] = frozenset()
    sessions: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """One comparison; `is_quiet` when nothing was changed or on its way meanwhile."""

    items: list[Item]
    live: frozenset[str] = frozenset()
    sessions: int = 0
    is_quiet: bool = True


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
        return Finding(look.items, look.live, look.sessions)
    again = _look(interface)
    return Finding(drift.confirmed(look.items, again.items), again.live, again.sessions)


def _look(interface: Interface) -> Look:
    before = Interface.objects.select_related("node").get(pk=interface.pk)
    standing = documents.standing(before)
    against = f"against={sides.name_of(standing.state)}"
    try:
        dump = asking.ask(before, "/dump", query=f"max_age=0&{against}")
        conf = asking.ask(before, "/conf", query=against)
    except AgentError as error:
        if error.envelope.get("error") != "no_such_interface":
            raise
        gone = Item("interface", field="status", desired="up", observed="none")
        return Look([gone])
    reading = _desired(standing, interface.pk, dump, conf)
    now = time.time() + (before.node.clock_skew_ms or 0) / 1000
    items = _compare(before, reading, dump, conf, now)
    after = Interface.objects.values_list("desired_generation", flat=True).get(pk=interface.pk)
    seen = {before.observed_generation, standing.state.generation, reading.state.generation, after}
    live = frozenset(sides.alive(dump, now))
    found = _without_changes_on_their_way(before, items)
    return Look(found, live, sides.sessions(dump, live), is_quiet=len(seen) == 1)


def _desired(
    standing: documents.Reading, interface_id: UUID, dump: sides.Told, conf: sides.Told
) -> documents.Reading:
    """What is desired of those peers that a node told of, where it left out the rest; else all."""
    compared = {sides.are_differences(told, standing.state) for told in (dump, conf)}
    if compared != {True}:
        return documents.whole(interface_id)
    keys = sides.differing(dump) | sides.differing(conf)
    if not keys:
        return replace(standing, digests=[])
    few = len(keys) <= documents.MOST_CHANGES
    return documents.some(interface_id, keys) if few else documents.whole(interface_id)


def _compare(
    interface: Interface,
    reading: documents.Reading,
    dump: sides.Told,
    conf: sides.Told,
    now: float,
) -> list[Item]:
    desired = sides.desired(reading, interface.node, interface.public_key)
    on_disk = sides.on_disk(conf, desired) if _is_file_settled(interface, conf) else None
    return drift.compare(desired, sides.running(dump, desired), on_disk, now)


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
    row.live_count = finding.sessions
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
