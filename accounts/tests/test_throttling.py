"""Guessing passwords stops soon, says nothing about who exists, and locks nobody out for good."""

import datetime as dt
import time

import pytest
from axes.models import AccessAttempt
from django.core.management import call_command
from django.db.models import F
from django.test import Client
from django.urls import reverse

from accounts.tests.builders import GOOD_PASSWORD, make_admin, make_boss
from accounts.throttling import rest_after

pytestmark = pytest.mark.django_db
LOGIN = reverse("admin:login")
WRONG = "not-the-password"


@pytest.fixture
def boss():
    return make_boss()


def login(client, name="boss", password=WRONG, address="192.0.2.1", **headers):
    form = {"username": name, "password": password}
    return client.post(LOGIN, form, REMOTE_ADDR=address, **headers)


def fail(client, times, **how):
    return [login(client, **how).status_code for _ in range(times)]


def let_pass(**time):
    AccessAttempt.objects.update(attempt_time=F("attempt_time") - dt.timedelta(**time))


def test_the_fifth_wrong_password_locks_even_the_right_one_out(client, boss):
    assert fail(client, 5) == [200, 200, 200, 200, 429]
    answer = login(client, password=GOOD_PASSWORD)
    assert answer.status_code == 429
    assert answer["Retry-After"] in ("60", "59")
    assert "Wait a minute" in answer.content.decode()


def test_each_further_wrong_password_costs_a_longer_rest_up_to_a_quarter_of_an_hour(client, boss):
    fail(client, 4)
    for minutes in (1, 2, 4, 8, 15, 15):
        assert login(client).status_code == 429
        told = login(client).content.decode()
        assert (f"Wait {minutes} minutes" if minutes > 1 else "Wait a minute") in told
        let_pass(minutes=minutes - 1, seconds=50)
        assert login(client, password=GOOD_PASSWORD).status_code == 429
        let_pass(seconds=11)
    assert login(client, password=GOOD_PASSWORD).status_code == 302


def test_the_right_password_ends_the_counting(client, boss):
    fail(client, 5)
    let_pass(minutes=2)
    login(client, password=GOOD_PASSWORD)
    assert fail(client, 5) == [200, 200, 200, 200, 429]


def test_after_an_hour_without_a_try_the_counting_begins_anew(client, boss):
    fail(client, 5)
    let_pass(minutes=61)
    assert fail(client, 5) == [200, 200, 200, 200, 429]


def test_tries_during_the_rest_do_not_prolong_it(client, boss):
    fail(client, 5)
    let_pass(seconds=40)
    fail(client, 3)
    let_pass(seconds=21)
    assert login(client, password=GOOD_PASSWORD).status_code == 302


def test_another_browser_at_the_same_address_has_no_tries_of_its_own(client, boss):
    told = [login(client, HTTP_USER_AGENT=f"browser {n}").status_code for n in range(5)]
    assert told[-1] == 429


@pytest.mark.parametrize(
    ("failures", "minutes"), [(0, 0), (4, 0), (5, 1), (6, 2), (8, 8), (9, 15), (10**6, 15)]
)
def test_the_rest_doubles_and_has_an_end(failures, minutes):
    assert rest_after(failures) == dt.timedelta(minutes=minutes)


def test_another_address_is_not_locked_out_with_the_guesser(client, boss):
    fail(client, 6)
    assert login(client, password=GOOD_PASSWORD, address="192.0.2.2").status_code == 302


def test_a_name_is_guessed_twenty_times_an_hour_from_all_addresses_together(client, boss):
    told = [fail(client, 4, address=f"192.0.2.{n}") for n in range(1, 6)]
    assert told[-1] == [200, 200, 200, 429]
    answer = login(client, password=GOOD_PASSWORD, address="198.51.100.1")
    assert answer.status_code == 429
    assert "Wait an hour" in answer.content.decode()


def test_a_name_that_all_addresses_guessed_is_free_when_enough_tries_are_an_hour_old(client, boss):
    for n in range(1, 6):
        fail(client, 4, address=f"192.0.2.{n}")
        let_pass(minutes=10)
    answer = login(client, password=GOOD_PASSWORD, address="198.51.100.1")
    assert "Wait 10 minutes" in answer.content.decode()
    let_pass(minutes=10)
    freed = login(client, password=GOOD_PASSWORD, address="198.51.100.1")
    assert freed.status_code == 302


@pytest.fixture
def _guessed_at(boss):
    """Somebody uses up all tries of the name, from many addresses."""
    for n in range(1, 6):
        fail(Client(), 4, address=f"198.51.100.{n}")


@pytest.fixture
def known(client, boss):
    """A browser in which the boss was signed in once."""
    assert login(client, password=GOOD_PASSWORD).status_code == 302
    client.post(reverse("admin:logout"))
    return client


@pytest.mark.usefixtures("known", "_guessed_at")
def test_guessers_do_not_lock_the_last_admin_out_of_a_browser_of_his(known):
    assert login(Client(), password=GOOD_PASSWORD, address="192.0.2.7").status_code == 429
    assert login(known, password=GOOD_PASSWORD, address="192.0.2.7").status_code == 302


def test_in_a_known_browser_one_guesses_no_more_than_elsewhere(known):
    assert fail(known, 5) == [200, 200, 200, 200, 429]


@pytest.mark.usefixtures("_guessed_at")
@pytest.mark.parametrize("cookie", ["", "boss", "ImJvc3Mi:1tQ:x", "é"])
def test_a_browser_does_not_make_itself_known(client, settings, cookie):
    client.cookies[settings.KNOWN_BROWSER_COOKIE_NAME] = cookie
    assert login(client, password=GOOD_PASSWORD).status_code == 429


@pytest.mark.usefixtures("known", "_guessed_at")
def test_a_browser_is_known_for_one_name_and_90_days(known, monkeypatch):
    make_admin(username="other")
    for n in range(1, 6):
        fail(Client(), 4, name="other", address=f"203.0.113.{n}")
    assert login(known, name="other").status_code == 429
    later = time.time() + 91 * 24 * 3600
    monkeypatch.setattr("django.core.signing.time.time", lambda: later)
    assert login(known, password=GOOD_PASSWORD, address="192.0.2.7").status_code == 429


def test_the_cookie_is_for_no_script_and_no_other_site(known, settings):
    cookie = known.cookies[settings.KNOWN_BROWSER_COOKIE_NAME]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Strict")


def test_an_address_guesses_fifty_times_an_hour_whatever_the_names(client, boss):
    told = [login(client, name=f"user-{n}").status_code for n in range(50)]
    assert told == [200] * 49 + [429]


def test_addresses_of_one_ipv6_customer_count_as_one(client, boss):
    told = [login(client, address=f"2001:db8::{n}").status_code for n in range(1, 6)]
    assert told[-1] == 429


def test_an_address_that_the_client_invented_does_not_help_it(client, boss):
    told = [login(client, HTTP_X_FORWARDED_FOR=f"203.0.113.{n}").status_code for n in range(1, 6)]
    assert told[-1] == 429


def test_a_name_that_does_not_exist_is_answered_like_one_that_does(client, boss):
    there = [login(client) for _ in range(6)]
    absent = [login(client, name="ghost", address="192.0.2.9") for _ in range(6)]
    assert [it.status_code for it in there] == [it.status_code for it in absent]
    assert there[-1].content == absent[-1].content


def test_the_operator_lets_somebody_in_at_once(client, boss):
    fail(client, 6)
    call_command("axes_reset_username", "boss")
    assert login(client, password=GOOD_PASSWORD).status_code == 302


def test_no_password_is_kept_or_logged(client, boss, caplog):
    caplog.set_level("DEBUG")
    fail(client, 5, password="hunter2-hunter2")  # noqa: S106
    kept = str(list(AccessAttempt.objects.values()))
    assert "hunter2" not in kept + caplog.text


def test_the_admin_does_not_list_the_tables_of_the_limits(admin_client):
    assert "axes" not in admin_client.get(reverse("admin:index")).content.decode().lower()
