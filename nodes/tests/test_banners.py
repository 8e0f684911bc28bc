"""A panel that is ill itself says so before it says anything else."""

import datetime as dt

import pytest
from django.utils import timezone

from nodes.banners import banners
from nodes.models import FleetAlarm, JoinToken
from nodes.tests.joining import Joiner, make_token
from schedule.models import Heartbeat

pytestmark = pytest.mark.django_db


def beats(**ages):
    now = timezone.now()
    for name, age in ages.items():
        Heartbeat.objects.create(name=name, beat_at=now - dt.timedelta(seconds=age))
    return now


def test_a_panel_in_good_health_says_nothing():
    assert banners(beats(beat=5, poll=59)) == []


def test_an_old_heartbeat_says_since_when_the_status_is_old():
    now = beats(beat=5, poll=61)
    (banner,) = banners(now)
    assert f"{now - dt.timedelta(seconds=61):%Y-%m-%d %H:%M:%S} UTC" in banner.title
    assert "poll worker" in banner.text


def test_a_dead_scheduler_and_worker_are_one_banner_from_the_earlier_on():
    now = beats(beat=7200, poll=7100)
    (banner,) = banners(now)
    assert "scheduler and the poll worker did not run for 2 h" in banner.text
    assert f"{now - dt.timedelta(seconds=7200):%H:%M:%S}" in banner.title


def test_what_never_ran_is_not_called_old():
    (banner,) = banners(timezone.now())
    assert banner.title == "The scheduler and the poll worker never ran."


def test_an_open_alarm_is_shown_and_a_closed_one_is_not():
    now = beats(beat=0, poll=0)
    FleetAlarm.objects.create(failing=9, polled=30, closed_at=now)
    FleetAlarm.objects.create(failing=12, polled=40)
    (banner,) = banners(now)
    assert banner.text.startswith("12 of 40 nodes failed within a minute")


def test_a_token_used_twice_is_told_until_somebody_has_looked_at_it():
    row, token = make_token(name="fra1")
    Joiner(token).ask()
    Joiner(token, address="192.0.2.9").ask()
    told = [banner for banner in banners(timezone.now()) if "join token" in banner.title]
    assert len(told) == 1
    assert "192.0.2.9" in told[0].text
    JoinToken.objects.filter(pk=row.pk).update(alarm_seen_at=timezone.now())
    assert not [banner for banner in banners(timezone.now()) if "join token" in banner.title]
