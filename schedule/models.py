"""Who did its periodic work when: one row a job, which is its turnstile and its heartbeat."""

import datetime as dt

from django.db import models
from django.db.models import Q
from django.utils import timezone

# A slot that is further ahead was claimed before the clock stepped back.
FARTHEST_AHEAD = 60
# A job that was not alive for so long has stopped.
SILENCE = dt.timedelta(seconds=60)


class Heartbeat(models.Model):
    """The last slot of a periodic job. Whoever moves `slot` forward owns the run of that slot."""

    name = models.CharField(max_length=64, primary_key=True)
    slot = models.BigIntegerField(default=0)
    beat_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name

    @classmethod
    def claim(cls, name: str, slot: int) -> bool:
        """Move the job `name` to `slot`; False when it, or one soon after it, was claimed."""
        cls.objects.get_or_create(name=name)
        free = Q(slot__lt=slot) | Q(slot__gt=slot + FARTHEST_AHEAD)
        return cls.objects.filter(free, name=name).update(slot=slot, beat_at=timezone.now()) == 1

    @classmethod
    def beat(cls, name: str) -> None:
        """Say that `name` is alive now."""
        cls.objects.update_or_create(name=name, defaults={"beat_at": timezone.now()})

    @classmethod
    def age(cls, name: str) -> dt.timedelta | None:
        """How long ago `name` was last alive; None when it never was."""
        beat_at = cls.objects.filter(name=name).values_list("beat_at", flat=True).first()
        return timezone.now() - beat_at if beat_at else None
