"""What a peer's page shows of it right now."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from nodes.interfaces import Condition
from peers.models import Peer
from peers.standing import Standing, standing

CANDIDATES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Seen:
    """A peer, seen at one moment."""

    peer: Peer
    now: dt.datetime
    standing: Standing

    @property
    def is_on_its_way(self) -> bool:
        """Whether its node has yet to confirm the last change of it."""
        return self.peer.generation > self.peer.interface.observed_generation

    @property
    def condition(self) -> Condition:
        return Condition(self.peer.interface.condition)

    @property
    def candidates(self) -> list[dict[str, Any]]:
        """The best nodes when it was placed, the chosen one first."""
        return (self.peer.decision or {}).get("candidates", [])[:CANDIDATES_SHOWN]

    @property
    def holds_outdated_file(self) -> bool:
        peer = self.peer
        current = peer.interface.client_fingerprint + peer.client_fingerprint
        return bool(peer.delivered_fingerprint) and peer.delivered_fingerprint != current


def look(peer_id: uuid.UUID) -> Seen:
    """Return the peer as it stands now; raise Peer.DoesNotExist."""
    now = timezone.now()
    rows = Peer.objects.existing().select_related("interface__node__group")
    rows = rows.defer("preshared_key", "interface__node__health_json", "interface__node__secret")
    peer = rows.prefetch_related("addresses__interface").get(pk=peer_id)
    return Seen(peer, now, standing(peer, now))
