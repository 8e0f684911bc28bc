"""People, roles and tokens in the admin: nobody gains rights they do not have."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.urls import reverse
from rest_framework.test import APIClient

from accounts import tokens
from accounts.models import ApiToken
from accounts.tests.builders import GOOD_PASSWORD, make_admin, make_staff, make_user

pytestmark = pytest.mark.django_db
TOKENS = reverse("admin:accounts_apitoken_changelist")
NEW_TOKEN = reverse("admin:accounts_apitoken_add")


def user_page(user, name="change"):
    return reverse(f"admin:auth_user_{name}", args=[user.pk])


def typed(user, **fields):
    joined = {"date_joined_0": "2026-01-01", "date_joined_1": "10:00:00"}
    return {"username": user.username, "is_active": "on", **joined, **fields}


def test_an_admin_makes_a_user(admin_client):
    form = {"username": "new", "password1": GOOD_PASSWORD, "password2": GOOD_PASSWORD}
    admin_client.post(reverse("admin:auth_user_add"), {**form, "usable_password": "true"})
    assert User.objects.get(username="new").check_password(GOOD_PASSWORD)


def test_a_weak_password_is_refused(admin_client):
    form = {"username": "new", "password1": "12345678", "password2": "12345678"}
    answer = admin_client.post(reverse("admin:auth_user_add"), {**form, "usable_password": "true"})
    assert b"too common" in answer.content
    assert not User.objects.filter(username="new").exists()


def test_who_edits_users_cannot_give_rights(client):
    clerk = make_staff("auth.change_user", "auth.view_user")
    client.force_login(clerk)
    for target in (clerk, make_user()):
        client.post(user_page(target), typed(target, is_superuser="on", is_staff="on"))
        target.refresh_from_db()
        assert (target.is_superuser, target.is_staff) == (False, target == clerk)


def test_a_superuser_gives_rights(admin_client):
    target = make_user()
    admin_client.post(user_page(target), typed(target, is_staff="on"))
    target.refresh_from_db()
    assert target.is_staff is True


@pytest.mark.parametrize("name", ["change", "delete"])
def test_a_superuser_is_out_of_reach_of_others(client, name):
    boss = make_admin()
    client.force_login(make_staff("auth.change_user", "auth.delete_user", "auth.view_user"))
    answer = client.post(user_page(boss, name), typed(boss, username="taken", post="yes"))
    assert answer.status_code in (302, 403)
    boss.refresh_from_db()
    assert boss.username != "taken"


def test_nobody_resets_the_password_of_somebody_with_more_rights(client):
    operator = make_staff("nodes.change_node")
    client.force_login(make_staff("auth.change_user", "auth.view_user"))
    address = reverse("admin:auth_user_password_change", args=[operator.pk])
    form = {"password1": GOOD_PASSWORD, "password2": GOOD_PASSWORD, "usable_password": "true"}
    assert client.post(address, form).status_code == 403


@pytest.mark.parametrize("path", ["add/", "{pk}/change/", "{pk}/delete/"])
def test_roles_are_edited_by_superusers_only(client, path):
    role = Group.objects.create(name="support")
    client.force_login(make_staff("auth.add_group", "auth.change_group", "auth.delete_group"))
    address = reverse("admin:auth_group_changelist") + path.format(pk=role.pk)
    assert client.post(address, {"name": "x", "post": "yes"}).status_code == 403
    assert Group.objects.get().name == "support"


def make_token(client, **fields):
    answer = client.post(NEW_TOKEN, {"name": "ansible", "days": "30", **fields})
    return answer, re.search(r"wgp_[A-Za-z0-9]+", answer.content.decode())


def test_a_new_token_is_shown_once_and_opens_the_api(admin_client):
    answer, found = make_token(admin_client)
    assert "no-store" in answer["Cache-Control"]
    api = APIClient()
    api.credentials(HTTP_AUTHORIZATION=f"Token {found[0]}")
    assert api.get("/api/v1/groups/").status_code == 200
    again = admin_client.get(TOKENS).content.decode()
    assert "ansible" in again
    assert found[0] not in again


def test_a_token_belongs_to_who_made_it_and_ends_when_asked(admin_client):
    make_token(admin_client)
    token = ApiToken.objects.get()
    assert token.user.username == "admin"
    assert (token.expiry - token.created).days in (29, 30)


def test_neither_a_token_nor_its_digest_is_in_the_admins_log(admin_client):
    _, found = make_token(admin_client)
    digest = ApiToken.objects.get().digest
    entry = LogEntry.objects.get()
    logged = f"{entry.object_id} {entry.object_repr} {entry.change_message}"
    assert (found[0] in logged, digest in logged) == (False, False)


@pytest.mark.parametrize("days", ["0", "366", "-1", "", "x"])
def test_a_lifetime_beyond_a_year_is_refused(admin_client, days):
    _, found = make_token(admin_client, days=days)
    assert found is None
    assert not ApiToken.objects.exists()


def test_no_page_shows_a_digest(admin_client):
    owner = make_user()
    tokens.issue(owner, name="ansible")
    token = ApiToken.objects.get()
    pages = [
        TOKENS,
        reverse("admin:accounts_apitoken_change", args=[token.pk]),
        reverse("admin:accounts_apitoken_delete", args=[token.pk]),
        user_page(owner),
        user_page(owner, "delete"),
    ]
    for page in pages:
        shown = admin_client.get(page).content.decode()
        assert token.digest[:16] not in shown, page


def test_a_token_is_revoked_and_never_changed(admin_client):
    tokens.issue(make_user(), name="ansible")
    token = ApiToken.objects.get()
    change = reverse("admin:accounts_apitoken_change", args=[token.pk])
    assert admin_client.post(change, {"name": "other"}).status_code == 403
    admin_client.post(reverse("admin:accounts_apitoken_delete", args=[token.pk]), {"post": "yes"})
    assert not ApiToken.objects.exists()


def test_others_see_and_revoke_their_own_tokens_only(client):
    tokens.issue(make_user(), name="somebody-elses")
    other = ApiToken.objects.get()
    client.force_login(make_staff("accounts.view_apitoken", "accounts.delete_apitoken"))
    assert "somebody-elses" not in client.get(TOKENS).content.decode()
    client.post(reverse("admin:accounts_apitoken_delete", args=[other.pk]), {"post": "yes"})
    assert ApiToken.objects.filter(pk=other.pk).exists()
