"""Which pools of different interfaces overlap.

Asked by each page once it is there, so it reads each pool once as it is written, however many
interfaces have it, and the names of interfaces only for those that are shown.
"""

import socket
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import Count, Q

from nodes.interfaces import InterfaceQuerySet
from nodes.models import Interface
from peers.pools.networks import Claim, pool_claims

FEW = 5  # as many as a sentence holds


@dataclass(frozen=True, slots=True)
class Overlap:
    """Pools as they are written, the widest first, and how many there are on all interfaces."""

    texts: tuple[str, ...]
    pools: int
    besides: Interface | None = None

    def claims(self, most: int | None = None) -> list[Claim]:
        """Who has them: all, or those of at most so many interfaces."""
        found = [it for it in pool_claims(self._rows()[:most]) if str(it.network) in self.texts]
        return sorted(found, key=lambda claim: self.texts.index(str(claim.network)))

    @property
    def few(self) -> list[Claim]:
        return self.claims(FEW)[:FEW]

    @property
    def more(self) -> int:
        return max(0, self.pools - FEW)

    def _rows(self) -> InterfaceQuerySet:
        rows = Interface.objects.present().filter(
            Q(pool_v4__in=self.texts) | Q(pool_v6__in=self.texts)
        )
        return rows.exclude(pk=self.besides.pk) if self.besides else rows


class _Span(NamedTuple):
    """The addresses of a pool as numbers; in order, the widest of a place comes first."""

    bits: int
    first: int
    minus_last: int
    text: str

    def meets(self, other: "_Span") -> bool:
        meet = self.first <= -other.minus_last and other.first <= -self.minus_last
        return self.bits == other.bits and meet


def overlaps() -> list[Overlap]:
    """All of them, in groups of pools that lie in the widest of the group."""
    counts = _counts()
    groups: list[list[_Span]] = []
    for span in sorted(map(_span, counts)):
        if groups and groups[-1][0].meets(span):
            groups[-1].append(span)
        else:
            groups.append([span])
    return list(_shared(groups, counts))


def overlap_of(interface: Interface) -> Overlap | None:
    """The pools of others that overlap one of `interface`."""
    counts = _counts()
    own = [text for text in (interface.pool_v4, interface.pool_v6) if text]
    counts.subtract(own)
    spans = [_span(text) for text in own]
    met = [it for it in map(_span, +counts) if any(it.meets(span) for span in spans)]
    texts = tuple(span.text for span in sorted(met))
    return Overlap(texts, sum(counts[text] for text in texts), interface) if texts else None


def _shared(groups: list[list[_Span]], counts: Counter[str]) -> Iterator[Overlap]:
    for group in groups:
        texts = tuple(span.text for span in group)
        count = sum(counts[text] for text in texts)
        if count > 1:
            yield Overlap(texts, count)


def _counts() -> Counter[str]:
    """How many interfaces have each pool, by its text."""
    found: Counter[str] = Counter()
    for column in ("pool_v4", "pool_v6"):
        rows = Interface.objects.present().order_by().exclude(**{column: ""}).values(column)
        found.update(dict(rows.annotate(count=Count("pk")).values_list(column, "count")))
    return found


def _span(text: str) -> _Span:
    """A fraction of the time of `ipaddress`; pools are stored in their canonical form."""
    address, length = text.split("/")
    family, bits = (socket.AF_INET6, 128) if ":" in address else (socket.AF_INET, 32)
    first = int.from_bytes(socket.inet_pton(family, address), "big")
    return _Span(bits, first, -(first + (1 << (bits - int(length))) - 1), text)
