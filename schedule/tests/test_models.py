"""Turnstile and heartbeat of periodic jobs."""

import datetime as dt
import threading

import pytest
from django.db import connection
from django.utils import timezone

from schedule.models import Heartbeat


@pytest.mark.django_db
def test_the_first_to_claim_a_slot_gets_it():
    assert Heartbeat.claim("poll", 1000)


@pytest.mark.django_db
def test_a_slot_is_given_once():
    Heartbeat.claim("poll", 1000)
    assert not Heartbeat.claim("poll", 1000)


@pytest.mark.django_db
def test_a_late_message_of_an_earlier_slot_gets_nothing():
    Heartbeat.claim("poll", 1000)
    assert not Heartbeat.claim("poll", 999)


@pytest.mark.django_db
def test_the_next_slot_is_free():
    Heartbeat.claim("poll", 1000)
    assert Heartbeat.claim("poll", 1001)


@pytest.mark.django_db
def test_jobs_do_not_take_each_others_slots():
    Heartbeat.claim("poll", 1000)
    assert Heartbeat.claim("prune", 1000)


@pytest.mark.django_db
def test_a_clock_that_stepped_back_does_not_stop_the_job():
    Heartbeat.claim("poll", 5000)
    assert Heartbeat.claim("poll", 1000)


@pytest.mark.django_db
def test_a_claim_is_a_sign_of_life():
    Heartbeat.claim("poll", 1000)
    assert Heartbeat.age("poll") < dt.timedelta(minutes=1)


@pytest.mark.django_db
def test_a_refused_claim_is_no_sign_of_life():
    Heartbeat.claim("poll", 1000)
    long_ago = timezone.now() - dt.timedelta(hours=1)
    Heartbeat.objects.update(beat_at=long_ago)
    Heartbeat.claim("poll", 1000)
    assert Heartbeat.objects.get(name="poll").beat_at == long_ago


@pytest.mark.django_db
def test_who_never_beat_has_no_age():
    assert Heartbeat.age("beat") is None


@pytest.mark.django_db
def test_a_beat_makes_young_again():
    Heartbeat.objects.create(name="beat", beat_at=timezone.now() - dt.timedelta(days=1))
    Heartbeat.beat("beat")
    assert Heartbeat.age("beat") < dt.timedelta(minutes=1)


@pytest.mark.django_db(transaction=True)
def test_of_eight_that_claim_one_slot_at_once_one_gets_it():
    start, got = threading.Barrier(8), []

    def claim() -> None:
        start.wait()
        got.append(Heartbeat.claim("poll", 1000))
        connection.close()

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [False] * 7 + [True]
