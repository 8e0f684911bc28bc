"""A copy of the database without the field key recognises no token."""

import hashlib
import importlib
import os
from base64 import b64encode
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts import tokens
from accounts.models import ApiToken
from accounts.tests.builders import make_admin

pytestmark = pytest.mark.django_db
migration = importlib.import_module("accounts.migrations.0004_keyed_digests")


@pytest.fixture
def token() -> str:
    return tokens.issue(make_admin())


def status(token: str) -> int:
    headers = {"authorization": f"Token {token}"}
    return APIClient().get("/api/v1/groups/", headers=headers).status_code


def add_key(settings) -> None:
    key = b64encode(os.urandom(32)).decode()
    settings.WGPANEL_FIELD_KEYS = (key, *settings.WGPANEL_FIELD_KEYS)


def test_what_is_stored_cannot_be_made_of_the_token_alone(token):
    stored = ApiToken.objects.get().digest
    unkeyed = {hashlib.new(name, token.encode()).hexdigest() for name in ("sha256", "sha512")}
    assert len(stored) == 64
    assert stored not in unkeyed


def test_the_stored_digest_of_another_field_key_lets_nobody_in(token, settings):
    settings.WGPANEL_FIELD_KEYS = (b64encode(os.urandom(32)).decode(),)
    assert status(token) == 401


def test_a_token_that_is_used_while_both_keys_are_there_outlives_the_old_key(token, settings):
    add_key(settings)
    assert status(token) == 200
    settings.WGPANEL_FIELD_KEYS = settings.WGPANEL_FIELD_KEYS[:1]
    assert status(token) == 200


def test_a_wrong_token_is_refused_while_both_keys_are_there(token, settings):
    add_key(settings)
    stored = ApiToken.objects.get().digest
    assert status(token[:-1] + ("0" if token[-1] != "0" else "1")) == 401
    assert ApiToken.objects.get().digest == stored


@pytest.fixture
def unkeyed(token) -> str:
    """A token as a panel stored it that kept no key in digests."""
    ApiToken.objects.update(digest=hashlib.sha512(token.encode()).hexdigest())
    return token


def test_the_migration_keys_what_is_stored_once(token):
    keyed = ApiToken.objects.get().digest
    ApiToken.objects.update(digest=hashlib.sha512(token.encode()).hexdigest())
    editor = SimpleNamespace(connection=connection)
    for _ in range(2):
        migration.key_digests(apps, editor)
    assert ApiToken.objects.get().digest == keyed
    assert status(token) == 200


def test_a_token_that_an_old_process_makes_during_an_upgrade_is_keyed_when_it_is_used(unkeyed):
    assert status(unkeyed) == 200
    assert len(ApiToken.objects.get().digest) == 64
    assert status(unkeyed) == 200


def test_a_stored_digest_is_no_token(unkeyed):
    assert status(ApiToken.objects.get().digest[:64]) == 401
    assert status("wgp_" + ApiToken.objects.get().digest[:60]) == 401


def test_a_token_that_is_stored_under_the_key_in_force_costs_no_write(token):
    with CaptureQueriesContext(connection) as asked:
        assert status(token) == 200
    assert not [it for it in asked if it["sql"].startswith("UPDATE")]
