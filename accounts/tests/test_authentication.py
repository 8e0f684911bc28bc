"""A token speaks for its user as long as both are good; anything else is one plain 401."""

import datetime as dt

import pytest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import tokens
from accounts.models import ApiToken
from accounts.tests.builders import make_admin

pytestmark = pytest.mark.django_db
ROUTE = "/api/v1/groups/"


def call(header: str):
    return APIClient().get(ROUTE, headers={"authorization": header})


def test_a_token_stops_when_its_user_is_deactivated_and_works_again_afterwards():
    user = make_admin()
    header = f"Token {tokens.issue(user)}"
    statuses = []
    for is_active in (True, False, True):
        type(user).objects.update(is_active=is_active)
        statuses.append(call(header).status_code)
    assert statuses == [200, 401, 200]


def test_an_expired_token_is_refused():
    header = f"Token {tokens.issue(make_admin())}"
    ApiToken.objects.update(expiry=timezone.now() - dt.timedelta(seconds=1))
    assert call(header).status_code == 401


def test_a_token_with_one_wrong_letter_is_refused():
    token = tokens.issue(make_admin())
    wrong = token[:-1] + ("0" if token[-1] != "0" else "1")
    assert call(f"Token {wrong}").status_code == 401


def test_a_session_of_a_deactivated_user_is_refused():
    user = make_admin()
    client = APIClient()
    client.force_login(user)
    type(user).objects.update(is_active=False)
    assert client.get(ROUTE).status_code == 401


@pytest.mark.parametrize(
    "header",
    [
        "Token",
        "Token ",
        "Token a b",
        "Token \xff\xfe",
        "Token wgp_\x00",
        "Token " + "a" * 5000,
        "Bearer abc",
        "token wgp_" + "0" * 64,
        "",
    ],
)
def test_what_is_no_token_is_one_plain_401(header):
    answer = call(header)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Token"
    assert set(answer.json()) == {"error", "detail"}


@pytest.mark.parametrize("name", ["knox_login", "knox_logout", "knox_logoutall"])
def test_no_route_gives_out_tokens(name):
    with pytest.raises(NoReverseMatch):
        reverse(name)


def test_a_session_must_send_the_csrf_token_on_a_write():
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(make_admin())
    answer = client.post(ROUTE, {"name": "x"})
    assert (answer.status_code, answer.json()["error"]) == (403, "permission_denied")
