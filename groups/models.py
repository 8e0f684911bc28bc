"""Where nodes belong: a region, a tier, an environment, with a priority for selection."""

import uuid

from django.core.validators import MaxValueValidator, MinLengthValidator, MinValueValidator
from django.db import models
from simple_history.models import HistoricalRecords

from groups.validators import printable

LIMIT = 10_000  # well inside the column, whose range SQLite would not keep


class NodeGroup(models.Model):
    """A named set of nodes. Nodes may be without a group; a higher priority is preferred."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(
        max_length=64, unique=True, validators=[MinLengthValidator(1), printable]
    )
    description = models.TextField(blank=True, max_length=2000)
    region = models.CharField(max_length=64, blank=True, validators=[printable])
    priority = models.SmallIntegerField(
        default=0, validators=[MinValueValidator(-LIMIT), MaxValueValidator(LIMIT)],
        help_text="Higher is preferred.",
    )  # fmt: skip
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    history = HistoricalRecords(excluded_fields=["created_at", "updated_at"])

    class Meta:
        ordering = ["-priority", "name"]
        verbose_name = "group"

    def __str__(self) -> str:
        return self.name
