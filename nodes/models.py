"""What we run, and what each node last said."""

import datetime as dt

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinLengthValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from simple_history.models import HistoricalRecords

from groups.models import NodeGroup
from groups.validators import printable
from nodes.availability import HAS_ROOM
from nodes.calling.exchange import AgentError
from nodes.calling.pins import PIN_LENGTH, certificate_pin
from nodes.calling.transport import way
from nodes.enrolment.join_token import JoinToken
from nodes.interfaces import Interface
from nodes.keyed import KEY_FIELDS, Keyed
from nodes.querysets import NodeQuerySet
from nodes.scoring import Load, score_sql
from nodes.validators import agent_url

__all__ = ["FleetAlarm", "Interface", "JoinToken", "Node", "PollCount", "PollingPolicy", "Status"]


class Status(models.TextChoices):
    """What is known of a node; maintenance and `enabled` are flags beside it."""

    UNKNOWN = "unknown", "Unknown"
    ONLINE = "online", "Online"
    DEGRADED = "degraded", "Degraded"
    STALE = "stale", "Stale"
    OFFLINE = "offline", "Offline"
    IDENTITY_MISMATCH = "identity_mismatch", "Identity mismatch"

    @property
    def tone(self) -> str:
        """The colour in which a status is shown: Unfold's name of a label type."""
        return TONES[self]


TONES = {
    Status.UNKNOWN: "default",
    Status.ONLINE: "success",
    Status.DEGRADED: "warning",
    Status.STALE: "warning",
    Status.OFFLINE: "danger",
    Status.IDENTITY_MISMATCH: "danger",
}


# Written by polling alone: kept out of the history, of forms and of what the API accepts.
REPORTED_FIELDS = (
    "health_json", "status", "status_reason", "status_since", "reported_at", "last_attempt_at",
    "failures", "failing_since", "next_poll_at", "claimed_until", "clock_skew_ms", "agent_version",
    "cpu_percent", "memory_percent", "disk_percent", "active_peers",
)  # fmt: skip
# How a node's agent is reached, and known again.
TRANSPORT_FIELDS = ("agent_url", "tls_pin", "next_tls_pin", "allow_plain_http")
# Which of them is at fault where they do not go together, by the code of the error.
TRANSPORT_FAULTS = {"no_pin": "tls_pin", "plain_http_refused": "agent_url"}
# Written where places are given and addresses counted; polling renews the two that are since when.
PLACE_FIELDS = (
    "assigned_peers", "assigned_since_report", "assigned_before_report", "has_free_address",
    "score",
)  # fmt: skip


def overfull(assigned: int) -> str:
    return f"{assigned} peers are placed here. For no more, start maintenance."


class Node(Keyed):
    """One WireGuard server and the agent on it."""

    name = models.CharField(
        max_length=64, unique=True, validators=[MinLengthValidator(1), printable]
    )
    agent_url = models.CharField(
        "agent URL", max_length=300, validators=[agent_url], help_text="https://198.51.100.7:8080"
    )
    tls_pin = models.CharField(
        "certificate pin", max_length=PIN_LENGTH, blank=True, validators=[certificate_pin],
        help_text="SHA-256 of the agent's certificate, as `wgpanel-agent pin` prints it.",
    )  # fmt: skip
    next_tls_pin = models.CharField(
        "next pin", max_length=PIN_LENGTH, blank=True, validators=[certificate_pin],
        help_text="Of a certificate that the agent is to change to; accepted beside the first.",
    )  # fmt: skip
    allow_plain_http = models.BooleanField(
        "allow plain HTTP", default=False,
        help_text="Unsafe: whoever is on the way reads what is asked and answered.",
    )  # fmt: skip
    group = models.ForeignKey(
        NodeGroup, models.SET_NULL, null=True, blank=True, related_name="nodes"
    )
    enabled = models.BooleanField(default=True, help_text="A disabled node is not polled.")
    maintenance = models.BooleanField(default=False, help_text="Takes no new peers.")
    weight = models.FloatField(
        default=1, validators=[MinValueValidator(0.01), MaxValueValidator(1000)],
        help_text="A node of weight 2 takes twice the peers at equal load.",
    )  # fmt: skip
    max_peers = models.PositiveIntegerField(
        default=250, validators=[MinValueValidator(1), MaxValueValidator(1_000_000)]
    )

    health_json = models.JSONField("last report", null=True, editable=False)
    status = models.CharField(max_length=20, choices=Status, default=Status.UNKNOWN, editable=False)
    status_reason = models.CharField(max_length=300, default="Not polled yet.", editable=False)
    status_since = models.DateTimeField(default=timezone.now, editable=False)
    reported_at = models.DateTimeField(null=True, editable=False)
    last_attempt_at = models.DateTimeField(null=True, editable=False)
    failures = models.PositiveIntegerField(default=0, editable=False)
    failing_since = models.DateTimeField(null=True, editable=False)
    next_poll_at = models.DateTimeField(default=timezone.now, editable=False)
    claimed_until = models.DateTimeField(null=True, editable=False)
    clock_skew_ms = models.IntegerField(null=True, editable=False)
    agent_version = models.CharField(max_length=32, blank=True, editable=False)
    cpu_percent = models.FloatField(null=True, editable=False)
    memory_percent = models.FloatField(null=True, editable=False)
    disk_percent = models.FloatField(null=True, editable=False)
    active_peers = models.PositiveIntegerField(default=0, editable=False)

    assigned_peers = models.PositiveIntegerField(
        default=0, editable=False, help_text="Peers that the panel has placed, connected or not."
    )
    # Places given since the last report, and in the interval before it: the clients of neither
    # need have connected by then, so a report that does not show them yet says nothing of them.
    assigned_since_report = models.PositiveIntegerField(default=0, editable=False)
    assigned_before_report = models.PositiveIntegerField(default=0, editable=False)
    has_free_address = models.BooleanField(default=True, editable=False)
    score = models.GeneratedField(
        expression=score_sql(), output_field=models.FloatField(), db_persist=True
    )

    updated_at = models.DateTimeField(auto_now=True)

    objects = NodeQuerySet.as_manager()
    history = HistoricalRecords(
        excluded_fields=[*REPORTED_FIELDS, *PLACE_FIELDS, *KEY_FIELDS, "created_at", "updated_at"]
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=Q(weight__gt=0), name="node_weight_positive"),
            models.CheckConstraint(condition=Q(max_peers__gte=1), name="node_max_peers_at_least_1"),
            models.CheckConstraint(
                condition=Q(assigned_peers__lte=F("max_peers")), name="node_not_overfull"
            ),
        ]
        indexes = [
            models.Index(fields=["next_poll_at"], condition=Q(enabled=True), name="node_due"),
            models.Index(
                fields=["failing_since"], condition=Q(failures__gt=0), name="node_failing"
            ),
            models.Index(
                fields=["rotation_due_at"], condition=Q(rotation_due_at__isnull=False),
                name="node_rotation_due",
            ),
            models.Index(fields=["group", "name"], name="node_group_name"),
            models.Index(
                fields=["score", "assigned_peers", "name"], condition=HAS_ROOM, name="node_best"
            ),
            models.Index(
                fields=["group", "score", "assigned_peers", "name"], condition=HAS_ROOM,
                name="node_best_of_group",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        self.clean_transport()
        if self.max_peers is not None and self.max_peers < self.assigned_peers:
            raise ValidationError({"max_peers": overfull(self.assigned_peers)})

    def clean_transport(self) -> None:
        """Refuse what its fields allow one by one: TLS without a pin, plain HTTP to anywhere."""
        try:
            way(self.agent_url, self.tls_pin, self.next_tls_pin, self.allow_plain_http)
        except AgentError as error:
            if field := TRANSPORT_FAULTS.get(error.code):
                raise ValidationError({field: error.sentence}) from error

    @property
    def load(self) -> Load:
        """What the score is made of."""
        recent = self.assigned_since_report + self.assigned_before_report
        return Load(
            self.active_peers + recent, self.max_peers, self.weight,
            self.cpu_percent, self.memory_percent,
        )  # fmt: skip


class PollingPolicy(models.Model):
    """How often agents are asked: one row that operators edit in the admin."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    interval_seconds = models.PositiveIntegerField(
        default=15, validators=[MinValueValidator(5), MaxValueValidator(3600)],
        help_text="Each enabled node is asked for its status this often, in seconds.",
    )  # fmt: skip

    history = HistoricalRecords()

    class Meta:
        verbose_name = verbose_name_plural = "polling policy"
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_polling_policy")]

    def __str__(self) -> str:
        return f"every {self.interval_seconds} s"

    @classmethod
    def current(cls) -> "PollingPolicy":
        """Return the policy in force; the defaults while none was saved."""
        return cls.objects.first() or cls()

    @property
    def interval(self) -> dt.timedelta:
        return dt.timedelta(seconds=self.interval_seconds)


class FleetAlarm(models.Model):
    """So many nodes failed at once that the panel suspects its own network."""

    class Kind(models.TextChoices):
        PANEL_NETWORK = "panel_network", "The panel's own network"

    kind = models.CharField(max_length=20, choices=Kind, default=Kind.PANEL_NETWORK)
    opened_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True)
    failing = models.PositiveIntegerField()
    polled = models.PositiveIntegerField()

    class Meta:
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind"], condition=Q(closed_at=None), name="one_open_alarm_of_a_kind"
            )
        ]

    def __str__(self) -> str:
        return f"{self.failing} of {self.polled} nodes failed within a minute"


class PollCount(models.Model):
    """How many polls of one minute were answered and verified, and how many failed."""

    minute = models.DateTimeField(primary_key=True)
    ok = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.minute:%Y-%m-%d %H:%M}: {self.ok} ok, {self.failed} failed"
