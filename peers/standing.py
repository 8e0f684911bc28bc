"""How a peer stands now, in one word, and which peers stand so."""

import datetime as dt

from django.db import models
from django.db.models import Q

from peers.models import Peer
from peers.querysets import ONLINE_FOR


class Standing(models.TextChoices):
    """Why a peer is off comes first; who is on is told by the last handshake."""

    ONLINE = "online", "Online"
    OFFLINE = "offline", "Offline"
    NEVER = "never", "Never connected"
    DISABLED = "disabled", "Disabled"
    EXPIRED = "expired", "Expired"

    @property
    def tone(self) -> str:
        """The colour in which it is shown: Unfold's name of a label type."""
        return TONES[self]


TONES = {
    Standing.ONLINE: "success",
    Standing.OFFLINE: "default",
    Standing.NEVER: "info",
    Standing.DISABLED: "warning",
    Standing.EXPIRED: "warning",
}


def standing(peer: Peer, now: dt.datetime) -> Standing:
    """Return how `peer` stands at `now`."""
    if not peer.enabled:
        return Standing.DISABLED
    if peer.is_expired(now):
        return Standing.EXPIRED
    if peer.last_handshake_at is None:
        return Standing.NEVER
    return Standing.ONLINE if peer.is_online(now) else Standing.OFFLINE


def standing_so(wanted: Standing, now: dt.datetime) -> Q:
    """Return the condition on peers that `standing` calls so."""
    expired, since = Q(expires_at__lte=now), now - ONLINE_FOR
    on = Q(enabled=True) & (Q(expires_at=None) | Q(expires_at__gt=now))
    return {
        Standing.ONLINE: on & Q(last_handshake_at__gt=since),
        Standing.OFFLINE: on & Q(last_handshake_at__lte=since),
        Standing.NEVER: on & Q(last_handshake_at=None),
        Standing.DISABLED: Q(enabled=False),
        Standing.EXPIRED: Q(enabled=True) & expired,
    }[wanted]
