"""From rows to what a node is told: a whole document, or what changed since a generation.

Everything is read by one statement, so that hash, generation and peers belong together. What does
not add up is never sent: an error here is NotRendered, and not a document with fewer peers.
"""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, cast
from uuid import UUID

from django.db.models import F, OuterRef, QuerySet, Subquery
from wgpanel_agent.documents import (
    InterfacePart,
    InvalidDocument,
    PeerPart,
    State,
    hash_sum,
    peer_digest,
)

from keyring.fields import SecretField
from keyring.sealing import SecretLocked
from nodes.interfaces import Interface
from nodes.pools import Pool
from peers import desired
from peers.models import Address, Peer
from reconcile.models import ReconcileRun

MOST_CHANGES = 500  # of each kind in a delta
READINGS = 3  # an interface may be edited between its own row and those of its peers
CHUNK = 2000
NO_SUM = "The rows of its peers do not add up to the hash of the interface."
PRESHARED_KEY = cast(SecretField, Peer._meta.get_field("preshared_key"))


class NotRendered(Exception):
    """What is desired cannot be told from the rows; nothing may be sent."""


class Row(NamedTuple):
    """A peer and its addresses, with the state that its interface had in that moment.

    It has what `desired.part_with` reads of a Peer: 20,000 of those would cost a second.
    """

    id: UUID
    public_key: str
    preshared_key: str | None  # sealed
    keepalive: int | None
    expires_at: dt.datetime | None
    routed_networks: list[str]
    present: bool
    digest: str
    generation: int
    hash: str
    offset_v4: int | None
    offset_v6: int | None


def _offset(family: int) -> Subquery:
    held = Address.objects.held().filter(peer=OuterRef("pk"), family=family).order_by()
    return Subquery(held.values("offset")[:1])


OF_THE_PEER = Row._fields[:8]
STATE = (F("interface__desired_generation"), F("interface__desired_hash"))
ELSEWHERE = {
    "desired": STATE[0],
    "hash": STATE[1],
    "offset_v4": _offset(4),
    "offset_v6": _offset(6),
}


@dataclass(slots=True)
class Reading:
    """What one statement found; `gone` are keys of peers that are not in the document. `texts` are
    the peers as canonical JSON."""

    state: State
    interface: InterfacePart
    peers: list[PeerPart] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    digests: list[int] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)

    @property
    def sums_up(self) -> bool:
        return hash_sum("0", [self.interface.digest(), *self.digests]) == self.state.hash

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
    raise NotRendered(NO_SUM)


def standing(interface: Interface) -> Reading:
    """The state that is desired of a row just read, without the peers; raises NotRendered unless
    the digests of their rows add up to it."""
    for attempt in range(READINGS):
        row = Interface.objects.get(pk=interface.pk) if attempt else interface
        reading = _begun(row)
        rows = Peer.objects.in_document().filter(interface=row).order_by()
        for digest, *state in rows.values_list("digest", *STATE).iterator(CHUNK):
            _move(reading, *state)
            reading.digests.append(int(digest, 16))
        if reading.sums_up:
            return reading
    raise NotRendered(NO_SUM)


def some(interface_id: UUID, keys: Collection[str]) -> Reading:
    """What is desired of the peers with these keys; raises NotRendered."""
    return _read(interface_id, Peer.objects.in_document().filter(public_key__in=keys))


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
    interface = Interface.objects.get(pk=interface_id)
    reading = _begun(interface)
    try:
        pools = {pool.family: pool for pool in interface.pools}
        rows = peers.filter(interface=interface_id).order_by().annotate(**ELSEWHERE)
        for columns in rows.values_list(*OF_THE_PEER, *ELSEWHERE).iterator(CHUNK):
            _take(reading, pools, Row._make(columns))
    except (SecretLocked, InvalidDocument, ValueError) as error:
        raise NotRendered(f"{type(error).__name__}: {error}") from error
    return reading


def _begun(interface: Interface) -> Reading:
    epoch = str(interface.epoch)
    state = State(epoch, interface.desired_generation, interface.desired_hash)
    try:
        return Reading(state, interface.part())
    except InvalidDocument as error:
        raise NotRendered(f"InvalidDocument: {error}") from error


def _move(reading: Reading, generation: int, hash: str) -> None:
    """To the state that the interface had when a row was read."""
    if generation != reading.state.generation:
        reading.state = State(reading.state.epoch, generation, hash)


def _take(reading: Reading, pools: Mapping[int, Pool], row: Row) -> None:
    _move(reading, row.generation, row.hash)
    if not row.present:
        reading.gone.append(row.public_key)
        return
    part = desired.part_with(_preshared_key(row), pools, cast(Peer, row), _offsets(row))
    text = part.canonical()
    digest = peer_digest(text)
    if f"{digest:064x}" != row.digest:
        raise NotRendered(f"Peer {row.id} is not what its digest says.")
    reading.peers.append(part)
    reading.texts.append(text)
    reading.digests.append(digest)


def _preshared_key(row: Row) -> str | None:
    return None if row.preshared_key is None else PRESHARED_KEY.opened(row.id, row.preshared_key)


def _offsets(row: Row) -> list[tuple[int, int]]:
    found = ((4, row.offset_v4), (6, row.offset_v6))
    return [(family, offset) for family, offset in found if offset is not None]
