"""A WireGuard interface as the panel wants it, and what its node last confirmed."""

import ipaddress
import uuid

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Count, F, OuterRef, Q, Subquery
from simple_history.models import HistoricalRecords
from wgpanel_agent.documents import InterfacePart

from nodes.pools import Address, Pool
from nodes.validators import interface_name, pool_v4, pool_v6

DEFAULT_ROUTES = "0.0.0.0/0, ::/0"


class Policy(models.TextChoices):
    """What the node does about a deviation from its desired state."""

    OBSERVE = "observe", "Only show deviations"
    ALERT = "alert", "Report deviations"
    ENFORCE = "enforce", "Repair deviations"


class Condition(models.TextChoices):
    """How an interface stands to its desired state, as its node last said."""

    PENDING = "pending", "Waiting for the node"
    IN_SYNC = "in_sync", "In sync"
    DRIFTED = "drifted", "Drifted"
    INCOMPLETE = "incomplete", "Half applied"
    CONFLICT = "conflict", "Conflict"
    LOST = "lost", "Lost its journal"
    UNKNOWN = "unknown", "Unknown"

    @property
    def tone(self) -> str:
        """The colour in which a condition is shown: Unfold's name of a label type."""
        return TONES[self]


TONES = {
    Condition.PENDING: "info",
    Condition.IN_SYNC: "success",
    Condition.DRIFTED: "warning",
    Condition.INCOMPLETE: "warning",
    Condition.CONFLICT: "danger",
    Condition.LOST: "danger",
    Condition.UNKNOWN: "default",
}

# Written by allocation, pushing and polling: kept out of the history, of forms and of the API.
KEPT_BY_THE_PANEL = (
    "public_key", "epoch", "desired_generation", "desired_hash", "observed_generation",
    "observed_hash", "condition", "condition_reason", "next_offset_v4", "next_offset_v6",
    "client_fingerprint", "sync_attempts", "sync_not_before", "sync_lease_owner",
    "sync_lease_until", "sync_error", "synced_at", "dump_seq", "dumped_at",
)  # fmt: skip


class InterfaceQuerySet(models.QuerySet["Interface"]):
    def present(self) -> "InterfaceQuerySet":
        """Interfaces that nobody removed."""
        return self.filter(removed_at=None)

    def pending(self) -> "InterfaceQuerySet":
        """Interfaces whose node has not confirmed what is desired, removed ones too."""
        return self.filter(desired_generation__gt=F("observed_generation"))

    def with_peer_count(self) -> "InterfaceQuerySet":
        """Annotated with `peer_count`: the peers that nobody removed.

        Counted row by row, so that a page of a long list counts for its own rows only.
        """
        same = Interface.objects.filter(pk=OuterRef("pk")).order_by().values("pk")
        counted = same.annotate(count=Count("peers", filter=Q(peers__removed_at=None)))
        return self.annotate(peer_count=Subquery(counted.values("count")))


class Interface(models.Model):
    """One interface of a node; only those made here are managed, others are left alone."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    node = models.ForeignKey("nodes.Node", models.CASCADE, related_name="interfaces")
    name = models.CharField(max_length=15, validators=[interface_name], help_text="wg0")
    public_key = models.CharField(max_length=44, blank=True, editable=False)
    listen_port = models.PositiveIntegerField(
        default=51820, validators=[MinValueValidator(1), MaxValueValidator(65535)]
    )
    pool_v4 = models.CharField(
        "IPv4 pool", max_length=18, blank=True, validators=[pool_v4], help_text="10.20.0.0/16"
    )
    pool_v6 = models.CharField(
        "IPv6 pool", max_length=43, blank=True, validators=[pool_v6], help_text="fd12:3456::/64"
    )
    address_v4 = models.CharField(
        "IPv4 address", max_length=15, blank=True, help_text="Empty: the first of the pool."
    )
    address_v6 = models.CharField(
        "IPv6 address", max_length=39, blank=True, help_text="Empty: the first of the pool."
    )
    endpoint_host = models.CharField(
        max_length=253, blank=True, help_text="As clients reach it; empty: the agent's host."
    )
    endpoint_port = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(65535)],
        help_text="Empty: the listen port.",
    )  # fmt: skip
    dns = models.CharField("DNS", max_length=300, blank=True)
    mtu = models.PositiveIntegerField(
        "MTU", null=True, blank=True, validators=[MinValueValidator(576), MaxValueValidator(9000)]
    )
    client_allowed_ips = models.CharField(
        "clients route", max_length=12_000, blank=True, default=DEFAULT_ROUTES
    )
    keepalive = models.PositiveIntegerField(
        default=25, validators=[MaxValueValidator(65535)],
        help_text="Seconds between the keepalives of clients; 0 is off.",
    )  # fmt: skip
    fwmark = models.BigIntegerField(null=True, blank=True)
    table = models.CharField(max_length=10, blank=True)
    forward = models.BooleanField(default=True, help_text="Clients reach what is behind the node.")
    masquerade = models.BooleanField(default=True, help_text="Behind the node's own address.")
    out_interface = models.CharField(max_length=15, blank=True)
    policy = models.CharField(max_length=10, choices=Policy, default=Policy.ENFORCE)
    accepts_peers = models.BooleanField(
        default=True, help_text="Selection places new peers of the node here."
    )
    removed_at = models.DateTimeField(null=True, editable=False)

    epoch = models.UUIDField(default=uuid.uuid4, editable=False)
    desired_generation = models.BigIntegerField(default=1, editable=False)
    desired_hash = models.CharField(max_length=64, blank=True, editable=False)
    observed_generation = models.BigIntegerField(default=0, editable=False)
    observed_hash = models.CharField(max_length=64, blank=True, editable=False)
    condition = models.CharField(
        max_length=12, choices=Condition, default=Condition.PENDING, editable=False
    )
    condition_reason = models.CharField(max_length=300, blank=True, editable=False)
    next_offset_v4 = models.BigIntegerField(default=1, editable=False)
    next_offset_v6 = models.BigIntegerField(default=1, editable=False)
    client_fingerprint = models.CharField(max_length=64, blank=True, editable=False)
    dump_seq = models.BigIntegerField(default=0, editable=False)
    dumped_at = models.DateTimeField(null=True, editable=False)

    sync_attempts = models.PositiveIntegerField(default=0, editable=False)
    sync_not_before = models.DateTimeField(null=True, editable=False)
    sync_lease_owner = models.CharField(max_length=64, blank=True, editable=False)
    sync_lease_until = models.DateTimeField(null=True, editable=False)
    sync_error = models.CharField(max_length=300, blank=True, editable=False)
    synced_at = models.DateTimeField(null=True, editable=False)

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = InterfaceQuerySet.as_manager()
    history = HistoricalRecords(excluded_fields=[*KEPT_BY_THE_PANEL, "created_at", "updated_at"])

    class Meta:
        ordering = ["node__name", "name"]
        constraints = [
            models.UniqueConstraint(fields=["node", "name"], name="interface_name_of_a_node"),
            models.UniqueConstraint(fields=["node", "listen_port"], name="port_of_a_node"),
            models.UniqueConstraint(
                fields=["node"],
                condition=Q(accepts_peers=True, removed_at=None),
                name="one_interface_accepts_peers",
            ),
            models.CheckConstraint(
                condition=~Q(pool_v4="") | ~Q(pool_v6=""), name="interface_has_a_pool"
            ),
        ]
        indexes = [
            models.Index(
                fields=["sync_not_before"],
                condition=Q(desired_generation__gt=F("observed_generation")),
                name="interface_pending",
            )
        ]

    def __str__(self) -> str:
        return f"{self.node}/{self.name}" if "node" in self._state.fields_cache else self.name

    @property
    def pools(self) -> list[Pool]:
        """Its one or two pools, IPv4 first."""
        return [Pool.parse(text) for text in (self.pool_v4, self.pool_v6) if text]

    def pool(self, family: int) -> Pool:
        """Its pool of a family (4 or 6); raises ValueError when it has none."""
        return Pool.parse(self.pool_v4 if family == 4 else self.pool_v6)

    def part(self) -> InterfacePart:
        """What its node is told of it; raises InvalidDocument for values outside the grammar."""
        return InterfacePart.parse(
            {
                "listen_port": self.listen_port,
                "addresses": [
                    f"{self.server_address(pool.family)}/{pool.network.prefixlen}"
                    for pool in self.pools
                ],
                "mtu": self.mtu,
                "fwmark": self.fwmark,
                "table": int(self.table) if self.table.isdecimal() else self.table or None,
                "forward": self.forward,
                "masquerade": self.masquerade,
                "out_interface": self.out_interface or None,
                "policy": str(self.policy),
            }
        )

    def server_address(self, family: int) -> Address | None:
        text = self.address_v4 if family == 4 else self.address_v6
        return ipaddress.ip_address(text) if text else None
