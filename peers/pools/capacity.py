"""How full pools are, and whether a node has an address left: what selection goes by."""

import datetime as dt
import uuid
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from nodes.models import Interface, Node
from nodes.pools import Pool
from peers.desired import locked_node
from peers.pools.addresses import PoolBook, books

VAST = 2**32


@dataclass(frozen=True, slots=True)
class PoolUse:
    """How many addresses of a pool are held by peers, rest, are reserved, and are free."""

    pool: Pool
    held: int
    resting: int
    reserved: int

    @property
    def hosts(self) -> int:
        """All that peers could have: the interface's own address is not among them."""
        return self.pool.hosts - 1

    @property
    def is_vast(self) -> bool:
        """Whether a share of it says nothing to anybody: a /64, and all that comes near."""
        return self.hosts >= VAST

    @property
    def free(self) -> int:
        return max(0, self.hosts - self.held - self.resting - self.reserved)


def pool_uses(interface: Interface, now: dt.datetime) -> list[PoolUse]:
    """The use of each of its pools, IPv4 first."""
    return [_use(book) for book in books(interface, now)]


def _use(book: PoolBook) -> PoolUse:
    rested = book.rows.rested(book.now).count()
    resting = book.rows.released().count() - rested
    return PoolUse(book.pool, book.rows.held().count(), resting, book.count_reserved())


def has_free_address(interface: Interface, now: dt.datetime) -> bool:
    """Whether a new peer could get an address of each of its pools."""
    return all(book.has_free() for book in books(interface, now))


@transaction.atomic
def review(node_id: uuid.UUID) -> bool:
    """Bring the node's `has_free_address` up to date, and return it."""
    node = locked_node(node_id)
    accepting = node.interfaces.present().filter(accepts_peers=True).first()
    has_free = accepting is not None and has_free_address(accepting, timezone.now())
    if has_free != node.has_free_address:
        Node.objects.filter(pk=node_id).update(has_free_address=has_free)
    return has_free


def review_full() -> int:
    """Review the nodes that had no address left: some may have rested; return how many have one."""
    accepting = Interface.objects.present().filter(node=OuterRef("pk"), accepts_peers=True)
    full = Node.objects.filter(Exists(accepting), has_free_address=False)
    return sum(review(node_id) for node_id in full.values_list("pk", flat=True))
