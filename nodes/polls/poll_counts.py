"""How many polls went well lately: one small row a minute, kept for a day."""

import datetime as dt
from dataclasses import dataclass

from django.db.models import F

from nodes.models import PollCount

KEPT_FOR = dt.timedelta(hours=25)
HOUR = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Hour:
    """The polls of an hour, minute by minute, oldest first."""

    minutes: tuple[PollCount, ...]

    @property
    def ok(self) -> int:
        return sum(minute.ok for minute in self.minutes)

    @property
    def failed(self) -> int:
        return sum(minute.failed for minute in self.minutes)

    @property
    def peak(self) -> int:
        """The polls of the busiest minute, at least 1: what the tallest bar stands for."""
        return max(1, *(minute.ok + minute.failed for minute in self.minutes))


def note(ok: int, failed: int, at: dt.datetime) -> None:
    """Add the outcome of one batch to the minute of `at`. Safe to call from many workers."""
    minute = _minute(at)
    if not _add(minute, ok, failed):
        PollCount.objects.bulk_create([PollCount(minute=minute)], ignore_conflicts=True)
        PollCount.objects.filter(minute__lt=minute - KEPT_FOR).delete()
        _add(minute, ok, failed)


def last_hour(now: dt.datetime) -> Hour:
    """Return the 60 minutes up to now, by one query; empty ones where nobody polled."""
    newest = _minute(now)
    oldest = newest - HOUR + dt.timedelta(minutes=1)
    rows = {row.minute: row for row in PollCount.objects.filter(minute__range=(oldest, newest))}
    minutes = (oldest + dt.timedelta(minutes=number) for number in range(60))
    return Hour(tuple(rows.get(minute) or PollCount(minute=minute) for minute in minutes))


def _minute(at: dt.datetime) -> dt.datetime:
    return at.replace(second=0, microsecond=0)


def _add(minute: dt.datetime, ok: int, failed: int) -> int:
    rows = PollCount.objects.filter(minute=minute)
    return rows.update(ok=F("ok") + ok, failed=F("failed") + failed)
