"""Which nodes: chainable questions that read as adjectives."""

import datetime as dt
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from nodes.availability import HAS_ROOM, is_fresh
from nodes.calling.exchange import MISTAKEN_IDENTITY
from nodes.polls import cadence
from nodes.standing import standing

if TYPE_CHECKING:
    from nodes.models import Node  # noqa: F401


class NodeQuerySet(models.QuerySet["Node"]):
    def due(self, now: dt.datetime) -> Self:
        """Nodes that must be asked now and that no other worker is asking.

        A claim that reaches further than claims do is from before the clock stepped back: void.
        """
        farthest = now + cadence.CLAIM + cadence.CLOCKS_DIFFER
        free = Q(claimed_until=None) | Q(claimed_until__lt=now) | Q(claimed_until__gt=farthest)
        return self.filter(free, enabled=True, next_poll_at__lte=now)

    def stray(self, now: dt.datetime, interval: dt.timedelta) -> Self:
        """Nodes that wait longer than any should.

        Their time was set before the interval was shortened, or before the clock stepped back.
        """
        return self.filter(enabled=True, next_poll_at__gt=now + cadence.longest_wait(interval))

    def failing(self) -> Self:
        """Enabled nodes whose last poll failed."""
        # failing_since is named too, so that the partial index serves
        return self.filter(enabled=True, failures__gt=0, failing_since__isnull=False)

    def joining(self, now: dt.datetime) -> Self:
        """Nodes that joined a moment ago and have not reported: their agent is starting."""
        joined = self.filter(join_tokens__used_at__gt=now - cadence.JOINING).values("pk")
        return self.filter(pk__in=joined, reported_at=None)

    def overdue(self, now: dt.datetime, interval: dt.timedelta) -> Self:
        """Failing nodes that have used up their grace and still carry an earlier verdict.

        A dead server that was rebuilt comes back as somebody else: no longer offline. The other
        way there is none: who was met at the address stays suspect until the node itself answers.
        """
        silent = Q(reported_at=None) | Q(reported_at__lte=now - cadence.grace(interval))
        offline = Q(status="offline") & ~Q(status_reason__in=MISTAKEN_IDENTITY)
        settled = Q(status="identity_mismatch") | offline
        failing = self.failing().filter(failures__gte=cadence.FAILURES_TO_OFFLINE)
        return failing.filter(silent).exclude(settled)

    def available(self, now: dt.datetime, interval: dt.timedelta) -> Self:
        """Nodes that may take a new peer."""
        return self.filter(HAS_ROOM, is_fresh(now, interval))

    def with_standing(self, interval: dt.timedelta, now: dt.datetime | None = None) -> Self:
        """Annotate `standing`: the status as of now, `stale` when polling has stopped."""
        return self.annotate(standing=standing(now or timezone.now(), interval))
