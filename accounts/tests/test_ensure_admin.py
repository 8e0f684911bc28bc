"""The first superuser comes from a command, never with a default password."""

import io

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from accounts.tests.builders import GOOD_PASSWORD, make_admin, make_user

pytestmark = pytest.mark.django_db
VARIABLE = "WGPANEL_ADMIN_PASSWORD"


def ensure() -> str:
    out = io.StringIO()
    call_command("ensure_admin", stdout=out)
    return out.getvalue()


@pytest.fixture(autouse=True)
def _no_password_in_the_environment(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


def test_a_new_panel_gets_an_admin_whose_random_password_is_printed_once():
    password = ensure().split()[-1]
    admin = User.objects.get(username="admin")
    assert admin.check_password(password)
    assert (admin.is_staff, admin.is_superuser) == (True, True)
    assert ensure() == ""


def test_two_new_panels_do_not_share_a_password():
    first = ensure()
    User.objects.all().delete()
    assert first != ensure()


def test_the_password_in_the_environment_is_used_and_not_printed(monkeypatch):
    monkeypatch.setenv(VARIABLE, GOOD_PASSWORD)
    assert ensure() == ""
    assert User.objects.get(username="admin").check_password(GOOD_PASSWORD)


def test_a_new_password_in_the_environment_replaces_the_old_one(monkeypatch):
    ensure()
    monkeypatch.setenv(VARIABLE, GOOD_PASSWORD)
    ensure()
    assert User.objects.get(username="admin").check_password(GOOD_PASSWORD)


def test_the_same_password_again_ends_no_session(monkeypatch, client):
    monkeypatch.setenv(VARIABLE, GOOD_PASSWORD)
    ensure()
    client.force_login(User.objects.get(username="admin"))
    ensure()
    assert client.get("/admin/").status_code == 200


def test_where_somebody_is_superuser_nothing_is_created():
    make_admin(username="root")
    assert ensure() == ""
    assert not User.objects.filter(username="admin").exists()


@pytest.mark.parametrize("password", ["admin", "password", "12345678901", "short"])
def test_a_weak_password_is_refused(monkeypatch, password):
    monkeypatch.setenv(VARIABLE, password)
    with pytest.raises(CommandError, match=VARIABLE):
        ensure()
    assert not User.objects.exists()


def test_an_ordinary_user_named_admin_is_not_raised(monkeypatch):
    make_user(username="admin")
    monkeypatch.setenv(VARIABLE, GOOD_PASSWORD)
    with pytest.raises(CommandError, match="no superuser"):
        ensure()
    assert not User.objects.get(username="admin").is_superuser
