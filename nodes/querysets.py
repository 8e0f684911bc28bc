"""Which nodes: chainable questions that read as adjectives."""

import datetime as dt
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from nodes.standing import standing


class NodeQuerySet(models.QuerySet):
    def due(self, now: dt.datetime) -> Self:
        """Nodes that must be asked now and that no other worker is asking."""
        free = Q(claimed_until=None) | Q(claimed_until__lt=now)
        return self.filter(free, enabled=True, next_poll_at__lte=now)

    def with_standing(self, interval: dt.timedelta, now: dt.datetime | None = None) -> Self:
        """Annotate `standing`: the status as of now, `stale` when polling has stopped."""
        return self.annotate(standing=standing(now or timezone.now(), interval))
