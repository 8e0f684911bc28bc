"""A guesser of links is stopped for a while, and only he."""

import datetime as dt

import pytest

from peers.models import ShareMiss
from peers.sharing import limits as share_limits

pytestmark = pytest.mark.django_db
NOW = dt.datetime(2026, 5, 4, 16, tzinfo=dt.UTC)
GUESSER = "198.51.100.7"


def miss(times, network=GUESSER, now=NOW):
    for _ in range(times):
        share_limits.note_miss(network, now)


def test_thirty_misses_stop_a_network_and_no_other():
    miss(29)
    assert share_limits.is_stopped(GUESSER, NOW) is False
    miss(1)
    assert share_limits.is_stopped(GUESSER, NOW) is True
    assert share_limits.is_stopped("198.51.100.8", NOW) is False


def test_after_ten_minutes_it_is_let_in_again():
    miss(30)
    assert share_limits.is_stopped(GUESSER, NOW + dt.timedelta(minutes=10)) is False


def test_what_earlier_windows_counted_is_forgotten():
    miss(3)
    miss(1, "198.51.100.8", NOW + dt.timedelta(minutes=10))
    assert [row.network for row in ShareMiss.objects.all()] == ["198.51.100.8"]
