"""The first admin is made by a link in the log: once, soon, and only where there is none."""

import datetime as dt

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from accounts import setup_links
from accounts.models import SetupLink
from accounts.tests.builders import GOOD_PASSWORD, make_admin

pytestmark = pytest.mark.django_db
FORM = {"username": "boss", "password1": GOOD_PASSWORD, "password2": GOOD_PASSWORD}


def page(token: str) -> str:
    return reverse("setup", args=[token])


def test_opening_the_page_spends_nothing_and_its_form_makes_the_admin(client):
    token = setup_links.make()
    assert [client.get(page(token)).status_code for _ in range(2)] == [200, 200]
    assert client.post(page(token), FORM).url == reverse("admin:index")
    boss = User.objects.get()
    assert (boss.username, boss.is_staff, boss.is_superuser) == ("boss", True, True)
    assert boss.check_password(GOOD_PASSWORD)
    assert client.get(reverse("admin:index")).status_code == 200


def test_a_link_works_once_and_takes_the_others_with_it(client):
    used, other = setup_links.make(), setup_links.make()
    client.post(page(used), FORM)
    for token in (used, other):
        assert client.post(page(token), {**FORM, "username": "thief"}).status_code == 404
    assert User.objects.count() == 1


def test_a_link_ends_after_an_hour(client):
    token = setup_links.make()
    SetupLink.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    assert client.post(page(token), FORM).status_code == 404
    assert not User.objects.exists()


def test_no_link_is_made_or_good_where_there_is_an_admin(client):
    token = setup_links.make()
    make_admin()
    assert setup_links.make() is None
    assert client.post(page(token), FORM).status_code == 404


def test_a_weak_password_is_refused_and_the_link_stays_good(client):
    token = setup_links.make()
    answer = client.post(page(token), {**FORM, "password1": "1234", "password2": "1234"})
    assert "too short" in answer.content.decode()
    assert setup_links.is_good(token)


def test_only_the_digest_of_a_link_is_stored():
    token = setup_links.make()
    assert token not in str(SetupLink.objects.values())


def test_an_invented_link_is_told_the_same_as_one_that_ended(client):
    answer = client.get(page("f" * 64))
    assert answer.status_code == 404
    assert "This link has ended" in answer.content.decode()
