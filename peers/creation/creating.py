"""Create a peer: a place, its addresses, its row and the desired state, or nothing of it all."""

import uuid
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from accounts.actor import Actor
from nodes.models import Interface
from peers.creation import idempotency
from peers.creation.placing import accepting, place
from peers.creation.turns import in_turn
from peers.creation.wishes import Draft, Wish, draft
from peers.errors import IdempotencyConflict, NoFreeAddress
from peers.models import Peer
from peers.pools import capacity
from selection import selector
from selection.decision import Decision

# while a chosen node turns out to have no address left, another is chosen
TRIES = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Where:
    """Where a peer shall be: on an interface that is named, or wherever selection puts it."""

    strategy: uuid.UUID | str = "auto"
    group: Any = None
    interface: Interface | None = None

    @property
    def is_open(self) -> bool:
        return self.interface is None and self.strategy in ("auto", "priority")

    def reserve(self) -> Decision:
        strategy = self.interface.node_id if self.interface else self.strategy
        return selector.reserve(strategy, self.group)

    def as_json(self) -> list[str]:
        return [str(self.strategy), str(self.group), str(self.interface and self.interface.pk)]


@dataclass(frozen=True, slots=True)
class Created:
    """A new peer, and its private key where the panel made it: it may be stored nowhere else.

    A repeated request gets the peer of the first one, without that key.
    """

    peer: Peer
    private_key: str | None = field(default=None, repr=False)
    is_repeat: bool = False


@sensitive_variables()
def create(user: Actor, where: Where | None = None, *, key: str = "", **wish: Any) -> Created:
    """Create the peer that `wish` (the fields of `Wish`) describes; `key` is an Idempotency-Key.

    Raises PeerRefused, NoFreeAddress, IdempotencyConflict, and what `selector.reserve` raises.
    """
    where, wanted = where or Where(), Wish(**wish)
    new = draft(wanted, timezone.now())
    request = idempotency.digest({**asdict(wanted), "where": where.as_json()}) if key else ""
    tries = TRIES if where.is_open else 1
    while True:
        tries -= 1
        try:
            with in_turn():
                return _create(user, where, new, key, request)
        except NoFreeAddress as error:
            capacity.review(error.node_id)
            if not tries:
                raise


@transaction.atomic
def _create(user: Actor, where: Where, new: Draft, key: str, request: str) -> Created:
    now = timezone.now()
    if key:
        first = idempotency.claim(user, key, request, new.peer.pk, now)
        if first != new.peer.pk:
            return _repeated(first)
    decision = where.reserve()
    new.peer.decision = decision.as_json()
    place(accepting(decision.node_id, where.interface), [new], user, now)
    return Created(new.peer, new.private_key)


def _repeated(peer_id: uuid.UUID) -> Created:
    peer = Peer.objects.existing().filter(pk=peer_id).first()
    if peer is None:
        raise IdempotencyConflict("The peer that this Idempotency-Key made is gone.")
    return Created(peer, is_repeat=True)
