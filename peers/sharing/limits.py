"""Whoever asks for links that are not there is stopped for a while.

Counted in the database, so that the limit holds over all processes of the panel. A link itself
cannot be guessed (256 bits): the limit keeps a guesser from costing anything.
"""

import datetime as dt

from django.db.models import F

from peers.models import ShareMiss

WINDOW_SECONDS = 600
MOST_MISSES = 30  # of one IPv4 address or IPv6 /64 in one window


def is_stopped(network: str, now: dt.datetime) -> bool:
    """Whether `network` has used up its misses of this window."""
    row = ShareMiss.objects.filter(window=_window(now), network=network)
    return row.filter(count__gte=MOST_MISSES).exists()


def note_miss(network: str, now: dt.datetime) -> None:
    """Count one more miss; what earlier windows counted is forgotten."""
    window = _window(now)
    row = ShareMiss.objects.filter(window=window, network=network)
    if row.update(count=F("count") + 1):
        return
    ShareMiss.objects.filter(window__lt=window).delete()
    ShareMiss.objects.bulk_create(
        [ShareMiss(window=window, network=network, count=0)], ignore_conflicts=True
    )
    row.update(count=F("count") + 1)


def _window(now: dt.datetime) -> int:
    return int(now.timestamp()) // WINDOW_SECONDS
