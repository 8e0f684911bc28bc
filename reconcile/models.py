"""How interfaces stand to what is desired, what was found, and what operators decided about it."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from nodes.models import Interface


class DriftState(models.TextChoices):
    """An error is `unknown`, never `in sync`."""

    IN_SYNC = "in_sync", "In sync"
    DRIFTED = "drifted", "Drifted"
    UNKNOWN = "unknown", "Unknown"

    @property
    def tone(self) -> str:
        """The colour in which a state is shown: Unfold's name of a label type."""
        return TONES[self]


TONES = {
    DriftState.IN_SYNC: "success",
    DriftState.DRIFTED: "warning",
    DriftState.UNKNOWN: "default",
}


class Drift(models.Model):
    """What the last check of an interface found.

    `items` has the first of `count` differences; `live` the keys among them with a session at that
    time, `live_count` the sessions of the whole interface. `ignored` are the identities of items
    that an operator does not want to hear of again while they stay as they are.
    """

    interface = models.OneToOneField(
        Interface, models.CASCADE, primary_key=True, related_name="drift"
    )
    checked_at = models.DateTimeField(default=timezone.now, db_index=True)
    state = models.CharField(max_length=10, choices=DriftState, default=DriftState.UNKNOWN)
    reason = models.CharField(max_length=300, blank=True)
    items = models.JSONField(default=list)
    count = models.PositiveIntegerField(default=0)
    live = models.JSONField(default=list)
    live_count = models.PositiveIntegerField(default=0)
    ignored = models.JSONField(default=list)

    class Meta:
        verbose_name_plural = "drift"

    def __str__(self) -> str:
        return f"{DriftState(self.state).label}, {self.count} differences"

    @property
    def tone(self) -> str:
        return DriftState(self.state).tone


class DriftRecord(models.Model):
    """A finding that differed from the one before it."""

    interface = models.ForeignKey(Interface, models.CASCADE, related_name="drift_records")
    checked_at = models.DateTimeField(db_index=True)
    state = models.CharField(max_length=10, choices=DriftState)
    reason = models.CharField(max_length=300, blank=True)
    items = models.JSONField(default=list)
    count = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-checked_at", "-id"]
        indexes = [models.Index(fields=["interface", "-checked_at"], name="drift_of_interface")]

    def __str__(self) -> str:
        at, state = self.checked_at, DriftState(self.state).label
        return f"{at:%Y-%m-%d %H:%M} UTC: {state}, {self.count} differences"


class ReconcileRun(models.Model):
    """An operator's decision about an interface, until its node has confirmed it.

    `removals` are keys of peers that the panel does not know and the node is to drop; `is_whole`
    wants the whole document sent, because the interface itself is to be set right. A take-over
    replaces the state `replaces` (an ETag; blank: none) of the node by the panel's, and may remove
    exactly `confirm_removals` peers.
    """

    class Kind(models.TextChoices):
        PLAN = "plan", "Plan"
        TAKE_OVER = "take_over", "Take over"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    interface = models.ForeignKey(Interface, models.CASCADE, related_name="reconcile_runs")
    kind = models.CharField(max_length=10, choices=Kind)
    plan_hash = models.CharField(max_length=64, blank=True)
    actions = models.JSONField(default=list)
    generation = models.BigIntegerField()
    removals = models.JSONField(default=list)
    is_whole = models.BooleanField(default=False)
    replaces = models.CharField(max_length=130, blank=True)
    confirm_removals = models.PositiveIntegerField(null=True)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    started_at = models.DateTimeField(default=timezone.now, db_index=True)
    done_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-started_at"]
        indexes = [
            models.Index(
                fields=["interface"], condition=models.Q(done_at=None), name="reconcile_open"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.started_at:%Y-%m-%d %H:%M} UTC"

    @property
    def is_done(self) -> bool:
        return self.done_at is not None
