"""Which address a peer gets: arithmetic on offsets, under the lock of the interface.

The lowest released offset that has rested, else the next one that was never given. A pool is never
enumerated: a /64 costs what a /24 costs.
"""

import datetime as dt
import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.conf import settings
from django.db.models import Exists, Min, OuterRef

from nodes.models import Interface
from nodes.pools import Address as IPAddress
from nodes.pools import Pool
from peers.errors import NoFreeAddress, PeerRefused, clock
from peers.models import Address, Peer
from peers.querysets import AddressQuerySet


class PoolBook:
    """One pool of an interface at one moment; taking from it needs the lock of the interface."""

    def __init__(
        self, interface: Interface, pool: Pool, kept: list[tuple[int, int]], now: dt.datetime
    ) -> None:
        self.interface, self.pool, self.kept, self.now = interface, pool, kept, now
        self.is_exhausted = False  # after taking: whether nothing is left
        self._next = f"next_offset_v{pool.family}"

    @property
    def rows(self) -> AddressQuerySet:
        return Address.objects.filter(interface=self.interface, family=self.pool.family)

    def take(self, count: int) -> list[int]:
        """Take the `count` best offsets; raises NoFreeAddress when there are fewer."""
        rested = self._rested(count + 1)
        free = [*rested, *self._fresh(count + 1 - len(rested))]
        if len(free) < count:
            raise self._nothing_free()
        self.is_exhausted = len(free) == count
        self._forget(rested[:count])
        self._advance(free[len(rested) : count])
        return free[:count]

    def free_up_to(self, count: int) -> int:
        """How many of `count` addresses there are; raises NoFreeAddress for none of them."""
        free = len(rested := self._rested(count)) + len(self._fresh(count - len(rested)))
        if count and not free:
            raise self._nothing_free()
        return free

    def take_chosen(self, address: IPAddress) -> int:
        """Take the one that somebody asks for; raises PeerRefused. A reservation is no obstacle."""
        offset = self.pool.offset_of(address)
        if offset is None:
            raise PeerRefused("addresses", f"{address} is outside the pool {self.pool}.")
        if problem := self._unusable(offset) or self._occupied(offset):
            raise PeerRefused("addresses", f"{address} {problem}.")
        self._forget([offset])
        self.kept.append((offset, offset))
        return offset

    def has_free(self) -> bool:
        """Whether a peer could get an address now."""
        return bool(self._rested(1) or self._fresh(1))

    def count_reserved(self) -> int:
        """How many addresses are kept for operators, not counting those that peers have had."""
        return sum(self._unused(first, last) for first, last in _merged(self.kept)) - 1

    def _unused(self, first: int, last: int) -> int:
        first, last = max(first, self.pool.first), min(last, self.pool.last)
        inside = self.rows.filter(offset__range=(first, last))
        return last - first + 1 - inside.count() + inside.rested(self.now).count()

    def _unusable(self, offset: int) -> str:
        if offset == 0:
            return "is the address of the network itself"
        if offset > self.pool.last:
            return "is the broadcast address, or beyond what the panel gives out"
        own = self.interface.server_address(self.pool.family)
        return "is the address of the interface itself" if own == self.pool.at(offset) else ""

    def _occupied(self, offset: int) -> str:
        row = self.rows.filter(offset=offset).first()
        if row is None or self.rows.rested(self.now).filter(pk=row.pk).exists():
            return ""
        if row.released_at is None or row.rests_until is None:
            return "is in use"
        if row.rests_until > self.now:
            return f"rests until {clock(row.rests_until)}"
        return "rests until the node confirms that its last peer is gone"

    def _rested(self, count: int) -> list[int]:
        rows = self.rows.rested(self.now).filter(offset__range=(self.pool.first, self.pool.last))
        for first, last in self.kept:
            rows = rows.exclude(offset__range=(first, last))
        return list(rows.order_by("offset").values_list("offset", flat=True)[:count])

    def _fresh(self, count: int) -> list[int]:
        """Offsets from the next one on that have no row and are not kept."""
        found: list[int] = []
        start = max(self.pool.first, getattr(self.interface, self._next))
        while len(found) < count and start <= self.pool.last:
            taken = self._next_taken(start)
            if taken == start:
                start = self._beyond_taken(start)
            else:
                stop = min(start + count - len(found), taken)
                found += range(start, stop)
                start = stop
        return found

    def _next_taken(self, start: int) -> int:
        """The first offset from `start` on that is kept or has a row."""
        kept = [max(first, start) for first, last in self.kept if last >= start]
        row = self.rows.filter(offset__gte=start).aggregate(least=Min("offset"))["least"]
        return min([*kept, *([] if row is None else [row]), self.pool.last + 1])

    def _beyond_taken(self, start: int) -> int:
        """The first offset after the kept range, or the run of rows, that begins at `start`."""
        ends = [last for first, last in self.kept if first <= start <= last]
        return (max(ends) if ends else self._end_of_run(start)) + 1

    def _end_of_run(self, start: int) -> int:
        neighbours = self.rows.filter(offset=OuterRef("offset") + 1)
        alone = self.rows.filter(~Exists(neighbours), offset__gte=start)
        last: int = alone.order_by("offset").values_list("offset", flat=True)[0]
        return last

    def _advance(self, fresh: Sequence[int]) -> None:
        if fresh:
            setattr(self.interface, self._next, fresh[-1] + 1)
            rows = Interface.objects.filter(pk=self.interface.pk)
            rows.update(**{self._next: fresh[-1] + 1})

    def _forget(self, offsets: Sequence[int]) -> None:
        """Delete the rows of rested offsets: their next holders get rows of their own."""
        if offsets:
            self.rows.released().filter(offset__in=offsets).delete()

    def _nothing_free(self) -> NoFreeAddress:
        resting = self.rows.released().filter(rests_until__gt=self.now)
        count, until = resting.count(), resting.aggregate(least=Min("rests_until"))["least"]
        waiting = self.rows.released().filter(rests_until__lte=self.now).exclude(peer=None).count()
        reasons = [f"{count} resting until {clock(until)}"] if until else []
        reasons += [f"{waiting} until the node confirms a removal"] if waiting else []
        reason = f" ({', '.join(reasons)})" if reasons else ""
        name = f"{self.interface.node}/{self.interface.name}"
        sentence = f"{name} has no free IPv{self.pool.family} address{reason}."
        return NoFreeAddress(self.interface.node_id, sentence)


def books(interface: Interface, now: dt.datetime) -> list[PoolBook]:
    """One for each pool of the interface, IPv4 first."""
    kept: dict[int, list[tuple[int, int]]] = defaultdict(list)
    rows = interface.reservations.values_list("family", "first_offset", "last_offset")
    for family, first, last in rows:
        kept[family].append((first, last))
    for pool in interface.pools:
        own = interface.server_address(pool.family)
        server = pool.offset_of(own) if own else None
        kept[pool.family] += [] if server is None else [(server, server)]
    return [PoolBook(interface, pool, kept[pool.family], now) for pool in interface.pools]


def _merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same offsets as ranges that do not overlap."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def give(interface: Interface, holders: Iterable[tuple[Peer, Sequence[tuple[int, int]]]]) -> None:
    """Save whose the taken offsets are."""
    rows = [
        Address(interface=interface, peer=peer, family=family, offset=offset)
        for peer, offsets in holders
        for family, offset in offsets
    ]
    Address.objects.bulk_create(rows, batch_size=1000)


def release(peers: Sequence[Peer], now: dt.datetime) -> None:
    """Let the addresses of removed peers rest, until the node has confirmed too."""
    rest(Address.objects.held().filter(peer__in=[peer.pk for peer in peers]), now)


def rest(rows: AddressQuerySet, now: dt.datetime) -> int:
    """Take these addresses back; return how many."""
    return rows.update(released_at=now, rests_until=now + settings.WGPANEL_ADDRESS_REST)


def parse(text: object) -> IPAddress:
    """Read one address that somebody asks for; raises PeerRefused."""
    if not isinstance(text, str) or "%" in text or "/" in text:
        raise PeerRefused("addresses", "Write an address alone, without a prefix or a zone.")
    try:
        return ipaddress.ip_address(text)
    except ValueError as error:
        raise PeerRefused("addresses", "This is not an IP address.") from error
