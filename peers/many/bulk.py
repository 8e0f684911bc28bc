"""Do the same to many peers: one transaction and one generation for each interface."""

import datetime as dt
import itertools
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone

from accounts.actor import Actor
from nodes.models import Interface
from peers import desired, validators
from peers.changing import refuse_expired, remember, store
from peers.desired import BATCH
from peers.errors import PeerRefused
from peers.models import Peer
from peers.querysets import PeerQuerySet
from peers.removing import entomb

# changes a row in memory and says whether it did; raises PeerRefused for one that is left as it is
Alter = Callable[[Peer, dt.datetime], bool]
Save = Callable[[Interface, Sequence[Peer], dt.datetime], None]


@dataclass(slots=True)
class Outcome:
    """How many peers changed, and why others were left as they are, in sentences."""

    changed: int = 0
    left: dict[uuid.UUID, str] = field(default_factory=dict)


def disable(peers: PeerQuerySet, user: Actor) -> Outcome:
    return _each(peers, _switch_off, _storing(user, "enabled"))


def enable(peers: PeerQuerySet, user: Actor) -> Outcome:
    """Enable peers; those whose time is over are left, each with its reason."""
    return _each(peers, _switch_on, _storing(user, "enabled"))


def remove(peers: PeerQuerySet, user: Actor) -> Outcome:
    def save(interface: Interface, altered: Sequence[Peer], now: dt.datetime) -> None:
        entomb(interface, altered, user, now)

    return _each(peers, lambda peer, now: True, save, with_node=True)


def tag(
    peers: PeerQuerySet, user: Actor, *, add: Sequence[str] = (), drop: Sequence[str] = ()
) -> Outcome:
    """Give peers some tags and take others from them; raises PeerRefused for what is no tag."""
    wanted, unwanted = set(validators.tags(list(add))), set(drop)

    def alter(peer: Peer, now: dt.datetime) -> bool:
        before, peer.tags = peer.tags, validators.tags(list({*peer.tags, *wanted} - unwanted))
        return bool(before != peer.tags)

    def save(interface: Interface, altered: Sequence[Peer], now: dt.datetime) -> None:
        Peer.objects.bulk_update(altered, ["tags", "updated_at"], batch_size=BATCH)
        remember(altered, user, now)

    return _each(peers, alter, save)


def _each(peers: PeerQuerySet, alter: Alter, save: Save, *, with_node: bool = False) -> Outcome:
    outcome = Outcome()
    rows = peers.existing().order_by("interface_id").values_list("interface_id", "pk")
    chosen = list(rows.distinct())
    for interface_id, group in itertools.groupby(chosen, key=lambda row: row[0]):
        with transaction.atomic():
            lock = desired.locked_with_node if with_node else desired.locked
            interface, now = lock(interface_id), timezone.now()
            altered = list(_altered(interface, [pk for _, pk in group], alter, outcome, now))
            save(interface, altered, now)
        outcome.changed += len(altered)
    return outcome


def _altered(
    interface: Interface, pks: Sequence[uuid.UUID], alter: Alter, outcome: Outcome, now: dt.datetime
) -> Iterator[Peer]:
    """Yield the peers that `alter` changed in memory; note why others are left."""
    for start in range(0, len(pks), BATCH):
        batch = pks[start : start + BATCH]
        for peer in interface.peers.existing().filter(pk__in=batch):
            try:
                if alter(peer, now):
                    peer.updated_at = now
                    yield peer
            except PeerRefused as error:
                outcome.left[peer.pk] = error.sentence


def _switch_off(peer: Peer, now: dt.datetime) -> bool:
    before, peer.enabled = peer.enabled, False
    return before


def _switch_on(peer: Peer, now: dt.datetime) -> bool:
    refuse_expired(peer, now)
    before, peer.enabled = peer.enabled, True
    return not before


def _storing(user: Actor, *fields: str) -> Save:
    def save(interface: Interface, altered: Sequence[Peer], now: dt.datetime) -> None:
        store(interface, altered, fields, user, now)

    return save
