"""Which peers: chainable questions that read as adjectives."""

import datetime as dt
import uuid
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Concat

from nodes.models import Interface

if TYPE_CHECKING:
    from peers.models import Address, Peer, ShareLink  # noqa: F401

ONLINE_FOR = dt.timedelta(seconds=180)


class PeerQuerySet(models.QuerySet["Peer"]):
    def existing(self) -> Self:
        """Peers that nobody removed."""
        return self.filter(removed_at=None)

    def removed(self) -> Self:
        """Tombstones: removed here, not yet confirmed by the node."""
        return self.filter(removed_at__isnull=False)

    def wanted(self, now: dt.datetime) -> Self:
        """Peers that belong on their interface now."""
        in_time = Q(expires_at=None) | Q(expires_at__gt=now)
        return self.filter(in_time, enabled=True, removed_at=None)

    def in_document(self) -> Self:
        """Peers that are part of their interface's desired state."""
        return self.filter(present=True)

    def due(self, now: dt.datetime) -> Self:
        """Peers that are still part of the desired state though their time is over."""
        return self.filter(present=True, expires_at__isnull=False, expires_at__lte=now)

    def on_node(self, node: uuid.UUID) -> Self:
        """Peers of the node's interfaces, asked for first: of one, an index has them in order."""
        return self.filter(interface__in=list(Interface.objects.filter(node=node)))

    def outdated(self) -> Self:
        """Peers that hold another file than they would get now: see `delivery`."""
        current = Concat("interface__client_fingerprint", "client_fingerprint")
        return self.exclude(delivered_fingerprint="").exclude(delivered_fingerprint=current)

    def online(self, now: dt.datetime) -> Self:
        """Peers whose last handshake is younger than three minutes."""
        return self.filter(last_handshake_at__gt=now - ONLINE_FOR)


class AddressQuerySet(models.QuerySet["Address"]):
    def held(self) -> Self:
        """Addresses that a peer has."""
        return self.filter(released_at=None)

    def released(self) -> Self:
        """Addresses given back, resting or rested."""
        return self.filter(released_at__isnull=False)

    def rested(self, now: dt.datetime) -> Self:
        """Released ones that may be given again: long enough ago, and the node has confirmed.

        The tombstone of the last holder goes, and with it `peer`, when the node confirms.
        """
        return self.released().filter(rests_until__lte=now, peer=None)


class ShareLinkQuerySet(models.QuerySet["ShareLink"]):
    def usable(self, now: dt.datetime, most_pin_tries: int) -> Self:
        """Links with a use left, whose time is not over and whose PIN was not guessed at too often.

        Columns of the link alone: only they are judged again when two requests update one row.
        """
        return self.filter(uses_left__gt=0, expires_at__gt=now, pin_tries__lt=most_pin_tries)

    def revoke(self) -> int:
        """End them for good and return how many still had a use.

        To be called in the transaction that disables or removes their peers, under the lock of the
        interface: a peer that is enabled again must not bring an old link back.
        """
        return self.filter(uses_left__gt=0).update(uses_left=0)
