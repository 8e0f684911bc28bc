"""Who connects: peers, their addresses, and how their configuration is handed over."""

import datetime as dt
import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator, MinLengthValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from simple_history.models import HistoricalRecords

from groups.validators import printable
from keyring.fields import SecretField
from nodes.models import Interface
from nodes.pools import Address as IPAddress
from peers.querysets import ONLINE_FOR, AddressQuerySet, PeerQuerySet, ShareLinkQuerySet

# Written by the panel and by what nodes tell: kept out of the history, of forms and of the API.
KEPT_BY_THE_PANEL = (
    "generation", "present", "digest", "decision", "client_fingerprint", "delivered_at",
    "delivered_fingerprint", "last_handshake_at", "endpoint", "rx_bytes", "tx_bytes",
)  # fmt: skip


class Peer(models.Model):
    """One client of one interface. A removed peer stays until its node has confirmed that."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=64, validators=[MinLengthValidator(1), printable])
    interface = models.ForeignKey(Interface, models.PROTECT, related_name="peers")
    public_key = models.CharField(max_length=44)
    preshared_key = SecretField(null=True, blank=True, editable=False)
    private_key = SecretField(null=True, blank=True, editable=False)
    enabled = models.BooleanField(default=True, help_text="A disabled peer cannot connect.")
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: never.")
    keepalive = models.PositiveIntegerField(
        null=True, blank=True, validators=[MaxValueValidator(65535)],
        help_text="Seconds between the keepalives that the node sends; empty: none.",
    )  # fmt: skip
    tags = models.JSONField(default=list, blank=True)
    notes = models.TextField(blank=True, max_length=2000)
    routed_networks = models.JSONField(default=list, blank=True)

    generation = models.BigIntegerField(default=0, editable=False)
    present = models.BooleanField(default=False, editable=False)
    digest = models.CharField(max_length=64, blank=True, editable=False)
    removed_at = models.DateTimeField(null=True, editable=False)
    decision = models.JSONField(null=True, editable=False)
    client_fingerprint = models.CharField(max_length=64, blank=True, editable=False)
    delivered_at = models.DateTimeField(null=True, editable=False)
    delivered_fingerprint = models.CharField(max_length=64, blank=True, editable=False)
    last_handshake_at = models.DateTimeField(null=True, editable=False)
    endpoint = models.CharField(max_length=64, blank=True, editable=False)
    rx_bytes = models.BigIntegerField(default=0, editable=False)
    tx_bytes = models.BigIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = PeerQuerySet.as_manager()
    history = HistoricalRecords(
        excluded_fields=[
            *KEPT_BY_THE_PANEL, "preshared_key", "private_key", "created_at", "updated_at",
        ]
    )  # fmt: skip

    class Meta:
        ordering = ["name", "id"]
        permissions = [
            ("add_routes", "Can give peers networks of their own"),
            ("view_configuration", "Can see and hand out configurations of peers"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["interface", "public_key"],
                condition=Q(removed_at=None),
                name="peer_key_of_an_interface",
            )
        ]
        indexes = [
            models.Index(fields=["interface", "generation"], name="peer_changed"),
            models.Index(
                fields=["expires_at"],
                condition=Q(present=True, expires_at__isnull=False),
                name="peer_due",
            ),
            # of those that are listed: so a page far on is found without a look at any row
            models.Index(fields=["name", "id"], condition=Q(removed_at=None), name="peer_listed"),
            models.Index(
                fields=["interface", "name", "id"],
                condition=Q(removed_at=None),
                name="peer_listed_of_interface",
            ),
            models.Index(fields=["public_key"], name="peer_public_key"),
            models.Index(fields=["last_handshake_at"], name="peer_last_handshake"),
        ]

    def __str__(self) -> str:
        return self.name

    def is_expired(self, now: dt.datetime) -> bool:
        """Whether its time is over; the end itself does not belong to it."""
        return self.expires_at is not None and self.expires_at <= now

    def is_wanted(self, now: dt.datetime) -> bool:
        return self.enabled and self.removed_at is None and not self.is_expired(now)

    def reasons_off(self, now: dt.datetime) -> list[str]:
        """Why it cannot connect, each reason by itself; empty while it can."""
        reasons = {
            "removed": self.removed_at is not None,
            "disabled": not self.enabled,
            "expired": self.is_expired(now),
        }
        return [reason for reason, holds in reasons.items() if holds]

    def is_online(self, now: dt.datetime) -> bool:
        """Whether it shook hands within the last three minutes."""
        return self.last_handshake_at is not None and self.last_handshake_at > now - ONLINE_FOR

    @property
    def ips(self) -> list[IPAddress]:
        """The addresses that it has, IPv4 first; of a list they were fetched beforehand."""
        held = (address for address in self.addresses.all() if address.released_at is None)
        return [self.interface.pool(address.family).at(address.offset) for address in held]

    @property
    def is_outdated(self) -> bool:
        """Whether it holds another file than it would get now: see `delivery`."""
        current = self.interface.client_fingerprint + self.client_fingerprint
        return self.delivered_fingerprint not in ("", current)


class Address(models.Model):
    """An address of a pool that a peer has, or that rests after a peer had it."""

    class Family(models.IntegerChoices):
        IPV4 = 4, "IPv4"
        IPV6 = 6, "IPv6"

    interface = models.ForeignKey(Interface, models.CASCADE, related_name="addresses")
    peer = models.ForeignKey(Peer, models.SET_NULL, null=True, related_name="addresses")
    family = models.PositiveSmallIntegerField(choices=Family)
    offset = models.BigIntegerField()
    released_at = models.DateTimeField(null=True)
    rests_until = models.DateTimeField(null=True)

    objects = AddressQuerySet.as_manager()

    class Meta:
        ordering = ["family", "offset"]
        verbose_name_plural = "addresses"
        constraints = [
            models.UniqueConstraint(
                fields=["interface", "family", "offset"], name="address_once_in_a_pool"
            )
        ]
        indexes = [
            models.Index(
                fields=["interface", "family", "offset"],
                condition=Q(released_at__isnull=False),
                name="address_released",
            )
        ]

    def __str__(self) -> str:
        return str(self.ip)

    @property
    def ip(self) -> IPAddress:
        """The address itself, from the pool of its interface."""
        return self.interface.pool(self.family).at(self.offset)


class AddressReservation(models.Model):
    """Addresses of a pool that no peer gets unless it is asked for by an operator."""

    interface = models.ForeignKey(Interface, models.CASCADE, related_name="reservations")
    family = models.PositiveSmallIntegerField(choices=Address.Family)
    first_offset = models.BigIntegerField()
    last_offset = models.BigIntegerField()
    note = models.CharField(max_length=200, blank=True, validators=[printable])

    class Meta:
        ordering = ["family", "first_offset"]
        constraints = [
            models.CheckConstraint(
                condition=Q(last_offset__gte=F("first_offset"), first_offset__gte=0),
                name="reservation_is_a_range",
            )
        ]

    def __str__(self) -> str:
        if self.first_offset == self.last_offset:
            return str(self.first_address)
        return f"{self.first_address} to {self.last_address}"

    @property
    def first_address(self) -> IPAddress:
        return self.interface.pool(self.family).at(self.first_offset)

    @property
    def last_address(self) -> IPAddress:
        return self.interface.pool(self.family).at(self.last_offset)


class IdempotencyKey(models.Model):
    """Which peer a repeatable request made, for a day; what it asked for only as a digest."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True)
    key = models.CharField(max_length=255)
    request_digest = models.CharField(max_length=64)
    peer_id = models.UUIDField()
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="idempotency_key_of_a_user"),
            models.UniqueConstraint(
                fields=["key"], condition=Q(user=None), name="idempotency_key_of_nobody"
            ),
        ]

    def __str__(self) -> str:
        return self.key


class ShareLink(models.Model):
    """A link by which somebody takes a peer's configuration; its token is not stored."""

    peer = models.ForeignKey(Peer, models.CASCADE, related_name="share_links")
    lookup = models.CharField(max_length=32, unique=True)
    token_hash = models.CharField(max_length=64)
    pin_hash = models.CharField(max_length=64, blank=True)
    pin_tries = models.PositiveSmallIntegerField(default=0)
    expires_at = models.DateTimeField(db_index=True)
    uses_left = models.PositiveSmallIntegerField(default=1)
    used_at = models.DateTimeField(null=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ShareLinkQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"link of {self.created_at:%Y-%m-%d %H:%M} UTC"


class ShareMiss(models.Model):
    """How often one network asked for links that are not there, in one stretch of time."""

    network = models.CharField(max_length=43)
    window = models.BigIntegerField()
    count = models.PositiveIntegerField(default=1)

    class Meta:
        verbose_name_plural = "share misses"
        constraints = [
            models.UniqueConstraint(fields=["window", "network"], name="share_misses_of_a_network")
        ]

    def __str__(self) -> str:
        return f"{self.count} from {self.network}"
