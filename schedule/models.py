"""Who did its periodic work when: one row a job, which is its turnstile and its heartbeat."""

import datetime as dt

from django.db import models
from django.utils import timezone


class Heartbeat(models.Model):
    """The last slot of a periodic job. Whoever moves `slot` forward owns the run of that slot."""

    name = models.CharField(max_length=64, primary_key=True)
    slot = models.BigIntegerField(default=0)
    beat_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name

    @classmethod
    def claim(cls, name: str, slot: int) -> bool:
        """Move the job `name` on to `slot`; False when it, or a later one, was claimed before."""
        cls.objects.get_or_create(name=name)
        rows = cls.objects.filter(name=name, slot__lt=slot)
        return rows.update(slot=slot, beat_at=timezone.now()) == 1

    @classmethod
    def beat(cls, name: str) -> None:
        """Say that `name` is alive now."""
        cls.objects.update_or_create(name=name, defaults={"beat_at": timezone.now()})

    @classmethod
    def age(cls, name: str) -> dt.timedelta | None:
        """How long ago `name` was last alive; None when it never was."""
        beat_at = cls.objects.filter(name=name).values_list("beat_at", flat=True).first()
        return timezone.now() - beat_at if beat_at else None
