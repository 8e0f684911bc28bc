"""Polls are counted by the minute, by many workers, for a day."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from nodes.models import PollCount
from nodes.polls import poll_counts

NOON = dt.datetime(2026, 5, 4, 12, 0, 30, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


def counts():
    return list(PollCount.objects.order_by("minute").values_list("ok", "failed"))


@pytest.mark.django_db
def test_batches_of_one_minute_add_up():
    poll_counts.note(10, 1, NOON)
    poll_counts.note(5, 2, NOON + dt.timedelta(seconds=29))
    assert counts() == [(15, 3)]


@pytest.mark.django_db
def test_a_new_minute_is_a_new_row():
    poll_counts.note(10, 1, NOON)
    poll_counts.note(5, 2, NOON + MINUTE)
    assert counts() == [(10, 1), (5, 2)]


@pytest.mark.django_db
def test_what_is_older_than_25_hours_is_dropped():
    poll_counts.note(1, 0, NOON)
    poll_counts.note(2, 0, NOON + dt.timedelta(hours=25))
    poll_counts.note(3, 0, NOON + dt.timedelta(hours=25, minutes=1))
    assert counts() == [(2, 0), (3, 0)]


@pytest.mark.django_db
def test_the_last_hour_has_sixty_minutes_with_gaps_filled():
    poll_counts.note(7, 0, NOON)
    poll_counts.note(9, 0, NOON - 59 * MINUTE)
    poll_counts.note(1, 0, NOON - 60 * MINUTE)
    hour = poll_counts.last_hour(NOON)
    assert [(number, row.ok) for number, row in enumerate(hour.minutes) if row.ok] == [
        (0, 9),
        (59, 7),
    ]
    assert (len(hour.minutes), hour.ok, hour.failed, hour.peak) == (60, 16, 0, 9)


@pytest.mark.django_db
def test_an_hour_without_a_poll_has_bars_of_no_height():
    hour = poll_counts.last_hour(NOON)
    assert (hour.ok, hour.failed, hour.peak) == (0, 0, 1)


@pytest.mark.django_db(transaction=True)
def test_workers_that_count_at_once_lose_nothing():
    def work(_):
        poll_counts.note(1, 1, NOON)
        connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(40)))
    assert counts() == [(40, 40)]
