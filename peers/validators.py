"""What may be typed for a peer: tags and times. Keys and networks have the agent's grammar."""

import datetime as dt
import re

from django.utils import timezone

from peers.errors import PeerRefused

MOST_TAGS = 20
LATEST = dt.datetime(9000, 1, 1, tzinfo=dt.UTC)  # beyond it some zones leave the calendar
MOST_NOTES = 2000
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_TAG = re.compile(r"[\w.:-]{1,32}")
# RFC 3339 with its zone: a date alone, or a time that forgot its zone, has several meanings
_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def tags(words: object) -> list[str]:
    """Return short words, each once, in order; raises PeerRefused."""
    if not isinstance(words, list | tuple) or len(words) > MOST_TAGS:
        raise PeerRefused("tags", f"Tags are a list of at most {MOST_TAGS} words.")
    if not all(isinstance(word, str) and _TAG.fullmatch(word) for word in words):
        raise PeerRefused("tags", "A tag is one word of at most 32 letters, digits and . _ : -")
    return sorted(set(words))


def notes(text: object) -> str:
    """Return lines that a database and a page take; raises PeerRefused."""
    if not isinstance(text, str) or len(text) > MOST_NOTES:
        raise PeerRefused("notes", f"Notes are at most {MOST_NOTES} characters.")
    if _UNPRINTABLE.search(text):
        raise PeerRefused("notes", "Only printable characters and line breaks.")
    return text


def instant(text: object) -> dt.datetime | None:
    """Read an end as programs send it: RFC 3339 with a zone, None for never; raises PeerRefused."""
    if text is None:
        return None
    if not isinstance(text, str) or not _INSTANT.fullmatch(text):
        raise PeerRefused("expires_at", "Write date, time and zone, like 2026-05-04T16:00:00Z.")
    try:
        return dt.datetime.fromisoformat(text.upper())
    except ValueError as error:
        raise PeerRefused("expires_at", "There is no such time.") from error


def end(at: dt.datetime | None, now: dt.datetime) -> dt.datetime | None:
    """The end of a peer in UTC and whole seconds, as its node knows it; raises PeerRefused."""
    if at is None:
        return None
    if timezone.is_naive(at):
        raise PeerRefused("expires_at", "The time has no zone.")
    if at >= LATEST:
        raise PeerRefused("expires_at", "The time is too far ahead; leave it empty for never.")
    if at <= now:
        raise PeerRefused("expires_at", "The time is over already.")
    return at.astimezone(dt.UTC).replace(microsecond=0)
