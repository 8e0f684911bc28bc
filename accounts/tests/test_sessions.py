"""Sessions and tokens end when they should."""

import time

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from accounts import sessions, tokens
from accounts.tests.builders import GOOD_PASSWORD

pytestmark = pytest.mark.django_db
INDEX = reverse("admin:index")


@pytest.fixture
def later(monkeypatch):
    """Let time pass."""
    begin = time.time()

    def later(**units):
        seconds = units.get("hours", 0) * 3600 + units.get("minutes", 0) * 60
        monkeypatch.setattr(sessions.time, "time", lambda: begin + seconds)

    return later


def test_a_session_that_nobody_uses_ends_after_half_an_hour(client, boss, later):
    later(minutes=29)
    assert client.get(INDEX).status_code == 200
    later(minutes=58)
    assert client.get(INDEX).status_code == 200
    later(minutes=89)
    assert client.get(INDEX).status_code == 302


def test_what_an_open_page_asks_by_itself_is_no_use(client, boss, later):
    for minutes in (10, 20, 29):
        later(minutes=minutes)
        client.get(reverse("dashboard-live"), headers={"sec-fetch-dest": "empty"})
    later(minutes=31)
    assert client.get(INDEX).status_code == 302


def test_a_session_ends_after_eight_hours_however_busy(client, boss, later):
    for minutes in range(25, 8 * 60, 25):
        later(minutes=minutes)
        assert client.get(INDEX).status_code == 200
    later(hours=8, minutes=1)
    assert client.get(INDEX).status_code == 302


def test_logging_in_changes_the_key_of_the_session(client, boss):
    client.logout()
    client.get(reverse("admin:login"))
    session = client.session
    session["fixed"] = True
    session.save()
    form = {"username": "boss", "password": GOOD_PASSWORD}
    client.cookies["sessionid"] = session.session_key
    client.post(reverse("admin:login"), form)
    assert client.session.session_key != session.session_key


def test_a_new_password_ends_sessions_and_tokens(client, boss):
    header = {"authorization": f"Token {tokens.issue(boss)}"}
    assert APIClient().get("/api/v1/groups/", headers=header).status_code == 200
    boss.set_password(f"{GOOD_PASSWORD}-2")
    boss.save()
    assert client.get(INDEX).status_code == 302
    assert APIClient().get("/api/v1/groups/", headers=header).status_code == 401


def test_a_deactivated_user_has_neither_session_nor_token(client, boss):
    header = {"authorization": f"Token {tokens.issue(boss)}"}
    type(boss).objects.update(is_active=False)
    assert client.get(INDEX).status_code == 302
    assert APIClient().get("/api/v1/groups/", headers=header).status_code == 401
