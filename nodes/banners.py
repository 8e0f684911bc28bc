"""What an operator must know before believing anything else on a page."""

import datetime as dt
from dataclasses import dataclass

from nodes.models import FleetAlarm, JoinToken
from nodes.presentation import moment, span
from schedule.models import Heartbeat

OLD_AFTER = dt.timedelta(seconds=60)
JOBS = {"beat": "scheduler", "poll": "poll worker"}


@dataclass(frozen=True, slots=True)
class Banner:
    title: str
    text: str
    tone: str = "warning"
    link: str = ""


def banners(now: dt.datetime) -> list[Banner]:
    """Return what is wrong with the panel itself. Costs three queries."""
    alarms = map(_alarm, FleetAlarm.objects.filter(closed_at=None))
    return [*_silent_jobs(now), *alarms, *map(_reuse, JoinToken.objects.alarming())]


def _silent_jobs(now: dt.datetime) -> list[Banner]:
    beats = dict(Heartbeat.objects.filter(name__in=JOBS).values_list("name", "beat_at"))
    silent = {JOBS[name]: beats.get(name) for name in JOBS if _is_old(beats.get(name), now)}
    known = [beat_at for beat_at in silent.values() if beat_at]
    if not silent:
        return []
    names = " and the ".join(silent)
    return [_silence(names, min(known), now) if known else _never_started(names)]


def _is_old(beat_at: dt.datetime | None, now: dt.datetime) -> bool:
    return beat_at is None or now - beat_at > OLD_AFTER


def _never_started(names: str) -> Banner:
    return Banner(
        f"The {names} never ran.",
        "Nobody asks the nodes how they are. `manage.py serve` starts everything it takes.",
    )


def _silence(names: str, since: dt.datetime, now: dt.datetime) -> Banner:
    return Banner(
        f"Status is old since {moment(since)}.",
        f"The {names} did not run for {span(now - since)}: what you see is what was known then,"
        " and no node is asked until that is mended.",
        "danger",
    )


def _alarm(alarm: FleetAlarm) -> Banner:
    return Banner(
        "The panel suspects its own network.",
        f"{alarm}. First since {moment(alarm.opened_at)}. Look at the panel's own connection"
        " before you look at the nodes.",
        "danger",
    )


def _reuse(token: JoinToken) -> Banner:
    joined = f"{token.node} joined with it" if token.node else "Nobody has joined with it"
    return Banner(
        f"The join token for {token} was used a second time.",
        f"{joined}; then somebody at {token.reused_from} tried, {moment(token.reused_at)}: the line"
        " was pasted twice, or found by somebody else. Look at both, and acknowledge the alarm on"
        " the token's page.",
        "danger",
    )
