"""A panel does not start while an admin has a password that everybody knows."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from accounts import default_passwords
from accounts.default_passwords import refuse_default_passwords
from accounts.tests.builders import GOOD_PASSWORD, make_admin, make_user

pytestmark = pytest.mark.django_db


def with_password(user, password):
    user.set_password(password)
    user.save()


@pytest.mark.parametrize("password", ["admin", "changeme", "boss"])
def test_an_admin_with_a_known_password_is_named(password):
    with_password(make_admin(username="boss"), password)
    with pytest.raises(ImproperlyConfigured, match="boss has a known default password"):
        refuse_default_passwords()


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
