"""`manage.py create_api_token` prints a token that works, or says why not."""

import io

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from accounts.models import ApiToken
from accounts.tests.builders import make_admin, make_user

pytestmark = pytest.mark.django_db


def create(*words: str) -> str:
    out = io.StringIO()
    call_command("create_api_token", *words, stdout=out)
    return out.getvalue()


def test_the_printed_token_opens_the_api():
    user = make_admin()
    token = create(user.username, "--days", "1", "--name", "script").strip()
    answer = APIClient().get("/api/v1/groups/", headers={"authorization": f"Token {token}"})
    assert answer.status_code == 200


def test_nothing_but_the_token_is_printed():
    assert create(make_user().username).split()[0].startswith("wgp_")


def test_an_unknown_user_is_named():
    with pytest.raises(CommandError, match="no user 'nobody'"):
        create("nobody")


def test_an_inactive_user_is_refused():
    user = make_user(is_active=False)
    with pytest.raises(CommandError, match="inactive"):
        create(user.username)
    assert not ApiToken.objects.exists()


def test_a_lifetime_of_ten_years_is_refused():
    with pytest.raises(CommandError, match="365 days"):
        create(make_user().username, "--days", "3650")
