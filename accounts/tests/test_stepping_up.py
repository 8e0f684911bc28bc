"""Lasting access asks for the password again: a session may be in other hands."""

import pytest
from django.contrib.auth.models import Group, User
from django.http import JsonResponse
from django.urls import reverse
from rest_framework.test import APIClient

from accounts import tokens
from accounts.models import ApiToken
from accounts.tests.builders import GOOD_PASSWORD, let_password_age, make_user

pytestmark = pytest.mark.django_db
INDEX = reverse("admin:index")
NEW_TOKEN = reverse("admin:accounts_apitoken_add")
NEW_USER = reverse("admin:auth_user_add")
NEW_ROLE = reverse("admin:auth_group_add")
CONFIRM = reverse("confirm-password")


@pytest.fixture
def stale(client, boss):
    """A session in which nobody typed the password for a while."""
    let_password_age(client)
    return client


def test_making_a_token_asks_for_the_password_again(stale):
    answer = stale.post(NEW_TOKEN, {"name": "x", "days": 1})
    assert answer.url == f"{CONFIRM}?next=%2Fadmin%2Faccounts%2Fapitoken%2Fadd%2F"
    assert not ApiToken.objects.exists()
    wrong = stale.post(answer.url, {"password": "wrong"})
    assert "That is not your password." in wrong.content.decode()
    assert stale.get(NEW_TOKEN).status_code == 302
    assert stale.post(answer.url, {"password": GOOD_PASSWORD}).url == NEW_TOKEN
    assert stale.post(NEW_TOKEN, {"name": "x", "days": 1}).status_code == 200
    assert ApiToken.objects.count() == 1


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "javascript:x"])
def test_the_page_leads_nowhere_else(client, boss, elsewhere):
    headers = {"referer": elsewhere}
    assert f'href="{INDEX}"' in client.get(CONFIRM, headers=headers).content.decode()
    answer = client.post(f"{CONFIRM}?next={elsewhere}", {"password": GOOD_PASSWORD})
    assert answer.url == INDEX


def test_guessing_on_the_page_is_limited_like_logging_in(client, boss):
    told = [client.post(CONFIRM, {"password": "wrong"}).status_code for _ in range(5)]
    assert told == [200] * 4 + [429]


def test_nobody_is_asked_who_has_not_logged_in(client):
    assert client.get(CONFIRM).url.startswith(reverse("admin:login"))


@pytest.mark.parametrize("page", [NEW_USER, NEW_TOKEN])
def test_pages_that_give_access_are_not_even_shown(stale, page):
    assert stale.get(page).url.startswith(CONFIRM)


def test_another_password_for_somebody_asks_for_ones_own(stale):
    page = reverse("admin:auth_user_password_change", args=[make_user().pk])
    assert stale.get(page).url.startswith(CONFIRM)


def test_giving_rights_is_asked_in_place_and_then_done_as_it_was_sent(stale):
    user = make_user()
    page = reverse("admin:auth_user_change", args=[user.pk])
    assert stale.get(page).status_code == 200
    sent = {"username": user.username, "is_active": "on", "is_superuser": "on",
            "date_joined_0": "2026-01-01", "date_joined_1": "10:00:00"}  # fmt: skip
    asked = stale.post(page, sent).content.decode()
    assert '<input type="hidden" name="is_superuser" value="on">' in asked
    assert "csrfmiddlewaretoken" not in asked.replace('name="csrfmiddlewaretoken"', "", 1)
    assert stale.post(page, {**sent, "password": "wrong"}).status_code == 200
    assert not User.objects.get(pk=user.pk).is_superuser
    assert stale.post(page, {**sent, "password": GOOD_PASSWORD}).status_code == 302
    assert User.objects.get(pk=user.pk).is_superuser


def test_a_role_is_not_made_by_a_session_alone(stale):
    assert "Is it still you" in stale.post(NEW_ROLE, {"name": "helpers"}).content.decode()
    assert not Group.objects.exists()


def test_what_was_sent_is_text_on_the_page_that_asks(stale):
    hostile = '"><script>alert(1)</script>'
    asked = stale.post(NEW_ROLE, {"name": hostile}).content.decode()
    assert "&lt;script&gt;" in asked
    assert hostile not in asked


def test_what_follows_never_sees_the_password(stale, monkeypatch):
    monkeypatch.setattr(
        "accounts.admin.BaseGroupAdmin.changeform_view",
        lambda self, request, *_, **__: JsonResponse(dict(request.POST)),
    )
    answer = stale.post(NEW_ROLE, {"name": "helpers", "password": GOOD_PASSWORD})
    assert answer.json() == {"name": ["helpers"]}


def test_a_token_is_asked_for_no_password(boss):
    header = {"authorization": f"Token {tokens.issue(boss)}"}
    answer = APIClient().post("/api/v1/peers/export/", {"filter": {"tag": "x"}}, headers=header)
    assert answer.status_code == 200
