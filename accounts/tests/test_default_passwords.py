"""A panel does not start while somebody inside has a password that everybody knows."""

import os

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import DatabaseError

from accounts import default_passwords
from accounts.default_passwords import refuse_default_passwords
from accounts.tests.builders import GOOD_PASSWORD, make_admin, make_staff, make_user

pytestmark = pytest.mark.django_db


def with_password(user, password):
    user.set_password(password)
    user.save()


@pytest.mark.parametrize("password", ["admin", "changeme", "boss"])
def test_an_admin_with_a_known_password_is_named(password):
    with_password(make_admin(username="boss"), password)
    with pytest.raises(ImproperlyConfigured, match="boss has a known default password"):
        refuse_default_passwords()


def test_an_operator_with_a_known_password_is_named_after_the_admins():
    with_password(make_staff(username="operator"), "changeme")
    with_password(make_admin(username="boss"), "admin")
    with pytest.raises(ImproperlyConfigured, match="boss, operator has a known default"):
        refuse_default_passwords()


@pytest.mark.parametrize("words", [("serve",), ("run", "web")], ids=" ".join)
def test_the_panel_does_not_start_with_one(words, settings, monkeypatch):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(os, "execv", lambda *_: pytest.fail("it started"))
    with_password(make_admin(username="boss"), "admin")
    with pytest.raises(ImproperlyConfigured, match="boss has a known default password"):
        call_command(*words)


def test_good_passwords_and_those_who_cannot_log_in_are_no_reason():
    with_password(make_admin(), GOOD_PASSWORD)
    with_password(make_admin(is_active=False), "admin")
    make_user().set_unusable_password()
    assert refuse_default_passwords() is None


def test_a_database_that_is_away_is_no_reason(monkeypatch, caplog):
    def away():
        raise DatabaseError("away")

    monkeypatch.setattr(default_passwords, "_holders", away)
    refuse_default_passwords()
    assert "cannot look for default passwords" in caplog.text
