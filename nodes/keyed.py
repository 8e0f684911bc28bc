"""What the panel keeps of a node's key, and of the one that is to follow it."""

import datetime as dt
import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from keyring.fields import SecretField
from nodes.validators import agent_secret

OVERDUE_AFTER = dt.timedelta(days=7)  # automatic rotation has tried for so long


class RotationStep(models.TextChoices):
    """The step that is to be taken next; each leaves a key that panel and agent both hold."""

    NONE = "", "None"
    STAGE = "stage", "Agree on a new key"
    PROVE = "prove", "Prove the new key"
    RETIRE = "retire", "Retire the old key"


SECRETS = ("secret", "next_secret", "first_secret")  # nothing that is shown needs them
# Written by enrolment, rotation and whoever types a secret: kept out of the history, forms and API.
KEY_FIELDS = (
    "secret", "next_secret", "next_secret_seq", "first_secret", "rotation_step", "rotation_due_at",
    "rotation_problem", "rotation_is_urgent",
)  # fmt: skip


class Keyed(models.Model):
    """The keys of one node. A secret is bound to its row, so the id comes before all secrets."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    secret = SecretField(null=True, blank=True, editable=False, validators=[agent_secret])
    secret_seq = models.PositiveIntegerField(default=1, editable=False)
    next_secret = SecretField(null=True, blank=True, editable=False)
    next_secret_seq = models.PositiveIntegerField(null=True, editable=False)
    # Fingerprints of preshared keys stay keyed with the secret that the first rotation replaced.
    first_secret = SecretField(null=True, blank=True, editable=False)
    rotated_at = models.DateTimeField("key since", null=True, editable=False)
    rotation_step = models.CharField(
        max_length=8, blank=True, choices=RotationStep, default=RotationStep.NONE, editable=False
    )
    rotation_due_at = models.DateTimeField(null=True, editable=False)
    rotation_problem = models.CharField(max_length=300, blank=True, editable=False)
    rotation_is_urgent = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True

    def take_secret(self, secret: str) -> tuple[str, ...]:
        """Begin anew with a secret that somebody typed, on the node too; name what changed."""
        self.secret, self.secret_seq = secret, 1
        self.next_secret = self.next_secret_seq = self.first_secret = None
        self.rotation_step, self.rotation_due_at = RotationStep.NONE, None
        self.rotation_problem, self.rotation_is_urgent = "", False
        self.rotated_at = timezone.now()
        return (*KEY_FIELDS, "secret_seq", "rotated_at")

    @property
    def key_since(self) -> dt.datetime:
        return self.rotated_at or self.created_at

    @property
    def is_key_overdue(self) -> bool:
        """Automatic rotation should have replaced the key, and could not."""
        days = settings.WGPANEL_KEY_DAYS
        age = timezone.now() - self.key_since
        return bool(days) and age > dt.timedelta(days=days) + OVERDUE_AFTER
