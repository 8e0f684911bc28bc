"""How many polls went well lately: one small row a minute, kept for a day."""

import datetime as dt

from django.db.models import F

from nodes.models import PollCount

KEPT_FOR = dt.timedelta(hours=25)
HOUR = dt.timedelta(hours=1)


def note(ok: int, failed: int, at: dt.datetime) -> None:
    """Add the outcome of one batch to the minute of `at`. Safe to call from many workers."""
    minute = _minute(at)
    if not _add(minute, ok, failed):
        PollCount.objects.bulk_create([PollCount(minute=minute)], ignore_conflicts=True)
        PollCount.objects.filter(minute__lt=minute - KEPT_FOR).delete()
        _add(minute, ok, failed)


def last_hour(now: dt.datetime) -> list[PollCount]:
    """Return one row for each of the last 60 minutes, oldest first; empty where nobody polled."""
    newest = _minute(now)
    oldest = newest - HOUR + dt.timedelta(minutes=1)
    rows = {row.minute: row for row in PollCount.objects.filter(minute__range=(oldest, newest))}
    minutes = [oldest + dt.timedelta(minutes=number) for number in range(60)]
    return [rows.get(minute) or PollCount(minute=minute) for minute in minutes]


def _minute(at: dt.datetime) -> dt.datetime:
    return at.replace(second=0, microsecond=0)


def _add(minute: dt.datetime, ok: int, failed: int) -> int:
    rows = PollCount.objects.filter(minute=minute)
    return rows.update(ok=F("ok") + ok, failed=F("failed") + failed)
