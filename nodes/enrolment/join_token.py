"""A one-use token by which a new node joins, and what became of it."""

import datetime as dt
import json
import uuid
from typing import Any, Self

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from wgpanel_agent import proof

from groups.models import NodeGroup
from groups.validators import printable
from keyring.fields import SecretField
from nodes.validators import agent_url, network

DEFAULT_MINUTES = 15
MOST_MINUTES = 7 * 24 * 60
MOST_WRONG_PROOFS = 5
CALL_PAUSE = dt.timedelta(seconds=2)  # while somebody is likely to watch
LONG_CALL_PAUSE = dt.timedelta(minutes=1)
NEW = dt.timedelta(minutes=20)
LATE = dt.timedelta(days=1)  # for a node that was let in, and was killed before it heard of it
KEPT = dt.timedelta(days=30)  # after the end


class Step(models.TextChoices):
    """How far a joining has come, or how it ended."""

    OPEN = "open", "Waiting for the node"
    WAITING = "waiting", "Waiting for approval"
    JOINED = "joined", "Joined"
    EXPIRED = "expired", "Expired"
    BURNT = "burnt", "Burnt by wrong proofs"
    REVOKED = "revoked", "Revoked"


TONES = {
    Step.OPEN: "info", Step.WAITING: "warning", Step.JOINED: "success",
    Step.EXPIRED: "default", Step.BURNT: "danger", Step.REVOKED: "default",
}  # fmt: skip


class JoinTokenQuerySet(models.QuerySet["JoinToken"]):
    def alarming(self) -> Self:
        """Tokens that somebody used a second time, and no operator has looked at yet."""
        seen = self.filter(reused_at__isnull=False, alarm_seen_at=None)
        return seen.select_related("node").defer("key", "node__secret", "node__health_json")

    def forgettable(self, now: dt.datetime) -> Self:
        """Tokens that ended long ago, but for those with an alarm that nobody has looked at."""
        ended = self.filter(expires_at__lt=now - KEPT)
        return ended.exclude(reused_at__isnull=False, alarm_seen_at=None)

    def awaiting_call(self, now: dt.datetime) -> Self:
        """Tokens of nodes that wait for the panel's call, or for the rest of it."""
        good = Q(expires_at__gt=now) | Q(used_at__gt=now - LATE)
        open_ones = self.filter(
            good, revoked_at=None, told_at=None, reused_at=None,
            wrong_proofs__lt=MOST_WRONG_PROOFS,
        )  # fmt: skip
        return open_ones.exclude(Q(dial_url="") | Q(node__reported_at__gte=F("used_at")))

    def to_call(self, now: dt.datetime) -> Self:
        """Those of them that were not called just now."""
        lately = Q(called_at__gt=now - LONG_CALL_PAUSE) & Q(created_at__lte=now - NEW)
        return self.awaiting_call(now).exclude(Q(called_at__gt=now - CALL_PAUSE) | lately)


class JoinToken(models.Model):
    """Found by `lookup`; `key`, with which proofs are checked, is forgotten when the node joins."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    lookup = models.CharField(max_length=24, unique=True, editable=False)
    key = SecretField(null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    name = models.CharField(
        max_length=64, blank=True, validators=[printable],
        help_text="Empty: the node is named after its host.",
    )  # fmt: skip
    group = models.ForeignKey(
        NodeGroup, models.SET_NULL, null=True, blank=True, related_name="join_tokens"
    )
    weight = models.FloatField(
        default=1, validators=[MinValueValidator(0.01), MaxValueValidator(1000)]
    )
    max_peers = models.PositiveIntegerField(
        default=250, validators=[MinValueValidator(1), MaxValueValidator(1_000_000)]
    )
    source = models.CharField(
        "only from", max_length=43, blank=True, validators=[network],
        help_text="A network like 198.51.100.0/24 from which the node must come. Empty: anywhere.",
    )  # fmt: skip
    wants_approval = models.BooleanField(
        "ask me first", default=False,
        help_text="A node that has proven the token still waits until an operator lets it in.",
    )  # fmt: skip
    dial_url = models.CharField(
        "call it at", max_length=300, blank=True, validators=[agent_url],
        help_text="For a node that cannot reach the panel: where the panel reaches the node, like"
        " https://198.51.100.7:8080. Empty: the node comes.",
    )  # fmt: skip
    node = models.ForeignKey(
        "nodes.Node", models.SET_NULL, null=True, blank=True, related_name="join_tokens",
        help_text="The node that came; before that, the node that is to join again.",
    )  # fmt: skip

    call_proof = models.CharField(max_length=64, blank=True, editable=False)
    called_at = models.DateTimeField(null=True, editable=False)
    call_problem = models.CharField(max_length=300, blank=True, editable=False)
    told_at = models.DateTimeField(null=True, editable=False)

    wrong_proofs = models.PositiveIntegerField(default=0, editable=False)
    hello = models.TextField(blank=True, editable=False)
    hello_digest = models.CharField(max_length=64, blank=True, editable=False)
    came_at = models.DateTimeField(null=True, editable=False)
    came_from = models.CharField(max_length=45, blank=True, editable=False)
    offer = models.JSONField(null=True, editable=False)
    used_at = models.DateTimeField(null=True, editable=False)
    reused_at = models.DateTimeField(null=True, editable=False)
    reused_from = models.CharField(max_length=45, blank=True, editable=False)
    alarm_seen_at = models.DateTimeField(null=True, editable=False)

    objects = JoinTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["used_at"], name="join_token_used"),
            models.Index(fields=["reused_at"], name="join_token_reused"),
        ]

    def __str__(self) -> str:
        return f"{self.name or 'a new node'} ({self.lookup[:6]}…)"

    def clean(self) -> None:
        self._clean_name()
        if not self.dial_url:
            return
        if self.source:
            raise ValidationError({"source": "The panel calls this node: it does not come."})
        if not self.dial_url.startswith("https://"):
            raise ValidationError({"dial_url": "A node is called by https:// to join."})

    def _clean_name(self) -> None:
        nodes = apps.get_model("nodes", "Node").objects  # which imports this module
        if self.name and not self.node_id and nodes.filter(name=self.name).exists():
            raise ValidationError(
                {"name": "There is a node of this name: use “Re-enrol” on its page."}
            )

    @property
    def call(self) -> str:
        """What the panel says first to a node that waits; the same each time."""
        return json.dumps({"protocol": proof.PROTOCOL, "token": self.lookup})

    @property
    def step(self) -> Step:
        """The same for everybody who looks at the same moment."""
        if self.used_at:
            return Step.JOINED
        if self.revoked_at:
            return Step.REVOKED
        if self.wrong_proofs >= MOST_WRONG_PROOFS:
            return Step.BURNT
        if self.expires_at <= timezone.now():
            return Step.EXPIRED
        return Step.WAITING if self.came_at else Step.OPEN

    @property
    def tone(self) -> str:
        return TONES[self.step]

    @property
    def is_again(self) -> bool:
        """Whether it is for a node that the panel knew before."""
        return bool(self.node and self.node.created_at < self.created_at)

    @property
    def has_alarm(self) -> bool:
        return self.reused_at is not None and self.alarm_seen_at is None

    @property
    def told(self) -> dict[str, Any]:
        """What the node said of itself, once it has proven the token."""
        return json.loads(self.hello) if self.hello else {}

    def expire_in(self, minutes: int) -> None:
        self.expires_at = timezone.now() + dt.timedelta(minutes=minutes)
