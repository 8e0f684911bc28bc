"""A token is given once, for a limited time, and only its digest is kept."""

import datetime as dt

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts import tokens
from accounts.models import ApiToken
from accounts.tests.builders import make_user

pytestmark = pytest.mark.django_db


def test_the_database_has_the_digest_and_not_the_token(capsys):
    token = tokens.issue(make_user())
    call_command("dumpdata", "accounts")
    assert ApiToken.objects.get().digest != token
    assert token not in capsys.readouterr().out


def test_two_tokens_of_one_user_differ():
    user = make_user()
    assert tokens.issue(user) != tokens.issue(user)


def test_a_token_lives_90_days_unless_told_otherwise():
    tokens.issue(make_user())
    left = ApiToken.objects.get().expiry - timezone.now()
    assert dt.timedelta(days=89) < left <= dt.timedelta(days=90)


@pytest.mark.parametrize("days", [0, -1, 366, 10**9])
def test_a_lifetime_of_no_day_or_more_than_a_year_is_refused(days):
    with pytest.raises(tokens.TokenRefused, match="1 to 365 days"):
        tokens.issue(make_user(), days=days)
    assert not ApiToken.objects.exists()


def test_an_inactive_user_gets_no_token():
    with pytest.raises(tokens.TokenRefused, match="inactive"):
        tokens.issue(make_user(is_active=False))


def test_a_name_longer_than_its_column_is_refused():
    with pytest.raises(tokens.TokenRefused, match="too long"):
        tokens.issue(make_user(), name="x" * 65)


def test_a_token_is_shown_by_its_name_and_its_first_letters():
    token = tokens.issue(make_user(), name="backup script")
    shown = str(ApiToken.objects.get())
    assert shown == f"backup script ({token[:15]}…)"
