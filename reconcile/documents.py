"""From rows to what a node is told: a whole document, or what changed since a generation.

Everything is read by one statement, so that hash, generation and peers belong together. What does
not add up is never sent: an error here is NotRendered, and not a document with fewer peers.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import F, QuerySet
from wgpanel_agent.documents import InterfacePart, InvalidDocument, PeerPart, State, state_hash

from keyring.sealing import SecretLocked
from nodes.interfaces import Interface
from nodes.pools import Pool
from peers import desired
from peers.models import Peer
from reconcile.models import ReconcileRun

MOST_CHANGES = 500  # of each kind in a delta
READINGS = 3  # an interface may be edited between its own row and those of its peers
CHUNK = 2000


class NotRendered(Exception):
    """What is desired cannot be told from the rows; nothing may be sent."""


class Row(NamedTuple):
    """A peer with one of its addresses, and the state that its interface had in that moment."""

    id: UUID
    public_key: str
    preshared_key: Any
    keepalive: int | None
    expires_at: dt.datetime | None
    routed_networks: list[str]
    present: bool
    digest: str
    epoch: UUID
    generation: int
    hash: str
    family: int | None
    offset: int | None
    released_at: dt.datetime | None


OF_THE_PEER = Row._fields[:8]
ELSEWHERE = {
    "epoch": F("interface__epoch"),
    "desired": F("interface__desired_generation"),
    "hash": F("interface__desired_hash"),
    "family": F("addresses__family"),
    "offset": F("addresses__offset"),
    "released": F("addresses__released_at"),
}


@dataclass(slots=True)
class Reading:
    """What one statement found; `gone` are keys of peers that are not in the document."""

    state: State
    interface: InterfacePart
    peers: list[PeerPart] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)

    @property
    def sums_up(self) -> bool:
        return state_hash(self.interface, self.peers) == self.state.hash

    @property
    def removals(self) -> list[str]:
        """Keys that go and do not come back by another row."""
        stay = {peer.public_key for peer in self.peers}
        return [key for key in dict.fromkeys(self.gone) if key not in stay]


def whole(interface_id: UUID) -> Reading:
    """Everything that is desired; raises NotRendered unless it has the hash that it should."""
    for _ in range(READINGS):
        reading = _read(interface_id, Peer.objects.in_document())
        if reading.sums_up:
            return reading
    raise NotRendered("The rows of its peers do not add up to the hash of the interface.")


def changes(interface_id: UUID, since: int) -> Reading:
    """What changed after generation `since`; raises NotRendered."""
    return _read(interface_id, Peer.objects.filter(generation__gt=since))


def count_changes(interface_id: UUID, since: int) -> int:
    """How many rows changed after `since`: whether a delta is worth it."""
    rows = Peer.objects.filter(interface=interface_id, generation__gt=since)
    return rows.count() + len(ordered_removals(interface_id, since))


def accounted_removals(interface_id: UUID, since: int) -> int:
    """How many peers the rows above `since` take off the node."""
    rows = Peer.objects.filter(interface=interface_id, generation__gt=since)
    gone = rows.filter(present=False).values("public_key")
    again = Peer.objects.filter(interface=interface_id, present=True)
    return gone.exclude(public_key__in=again.values("public_key")).distinct().count()


def ordered_removals(interface_id: UUID, since: int) -> list[str]:
    """Keys that operators want off the node though the panel never knew them."""
    runs = ReconcileRun.objects.filter(
        interface=interface_id, done_at=None, generation__gt=since, kind=ReconcileRun.Kind.PLAN
    )
    keys = {key for removals in runs.values_list("removals", flat=True) for key in removals}
    wanted = Peer.objects.filter(interface=interface_id, present=True, public_key__in=keys)
    return sorted(keys.difference(wanted.values_list("public_key", flat=True)))


def _read(interface_id: UUID, peers: QuerySet[Peer]) -> Reading:
    try:
        interface = Interface.objects.get(pk=interface_id)
        reading = Reading(_state(interface), interface.part())
        rows = peers.filter(interface=interface_id).order_by("id").annotate(**ELSEWHERE)
        found = rows.values_list(*OF_THE_PEER, *ELSEWHERE).iterator(CHUNK)
        pools = {pool.family: pool for pool in interface.pools}
        for _, group in groupby(map(Row._make, found), itemgetter(0)):
            _take(reading, pools, list(group))
    except (SecretLocked, InvalidDocument, ValueError) as error:
        raise NotRendered(f"{type(error).__name__}: {error}") from error
    return reading


def _state(interface: Interface) -> State:
    return State(str(interface.epoch), interface.desired_generation, interface.desired_hash)


def _take(reading: Reading, pools: Mapping[int, Pool], rows: Sequence[Row]) -> None:
    row = rows[0]
    reading.state = State(str(row.epoch), row.generation, row.hash)
    if not row.present:
        reading.gone.append(row.public_key)
        return
    part = desired.part_of(pools, _peer(row), list(_offsets(rows)))
    if f"{part.digest():064x}" != row.digest:
        raise NotRendered(f"Peer {row.id} is not what its digest says.")
    reading.peers.append(part)


def _peer(row: Row) -> Peer:
    return Peer(**dict(zip(OF_THE_PEER, row, strict=False)))


def _offsets(rows: Sequence[Row]) -> Iterator[tuple[int, int]]:
    for row in rows:
        if row.family is not None and row.offset is not None and row.released_at is None:
            yield row.family, row.offset
