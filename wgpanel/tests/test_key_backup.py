"""Superusers are reminded of the field key until somebody says that it is backed up."""

import os
from base64 import b64encode
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from accounts.tests.builders import make_staff
from keyring import backups
from keyring.models import KeyBackup
from keyring.sealing import current_key_id
from wgpanel import secret_files

pytestmark = pytest.mark.django_db
INDEX, PAGE = reverse("admin:index"), reverse("key-backup")
REMINDER = "Nobody has confirmed a backup of the field key."


def is_reminded(client) -> bool:
    return REMINDER in client.get(INDEX).content.decode()


def run(**options) -> str:
    out = StringIO()
    call_command("confirm_key_backup", stdout=out, **options)
    return out.getvalue()


def test_the_button_on_the_page_that_the_reminder_leads_to_ends_it(admin_client, settings):
    assert f'href="{PAGE}"' in admin_client.get(INDEX).content.decode()
    shown = admin_client.get(PAGE).content.decode()
    assert current_key_id() in shown
    assert settings.WGPANEL_FIELD_KEYS[0] not in shown
    assert admin_client.post(PAGE, {"key_id": current_key_id()}).url == PAGE
    assert "is confirmed" in admin_client.get(PAGE).content.decode()
    assert not is_reminded(admin_client)
    assert KeyBackup.objects.get().confirmed_by == "admin"


def test_a_new_field_key_is_asked_for_again(admin_client, settings):
    run(yes=True)
    assert not is_reminded(admin_client)
    key = b64encode(os.urandom(32)).decode()
    settings.WGPANEL_FIELD_KEYS = (key, *settings.WGPANEL_FIELD_KEYS)
    assert is_reminded(admin_client)


def test_a_page_of_before_the_key_was_replaced_confirms_nothing(admin_client):
    admin_client.post(PAGE, {"key_id": "00000000"})
    assert not backups.is_confirmed()


def test_looking_at_the_page_confirms_nothing(admin_client):
    admin_client.get(PAGE)
    assert admin_client.put(PAGE).status_code == 405
    assert not backups.is_confirmed()


def test_others_are_neither_reminded_nor_let_in(client):
    client.force_login(make_staff("nodes.view_node"))
    assert not is_reminded(client)
    for answer in (client.get(PAGE), client.post(PAGE, {"key_id": current_key_id()})):
        assert answer.status_code == 403
    assert not backups.is_confirmed()


def test_the_command_takes_the_id_of_the_copy_and_no_other(monkeypatch):
    monkeypatch.setattr("builtins.input", lambda _: "00000000")
    with pytest.raises(CommandError, match="nothing is confirmed"):
        run()
    assert not backups.is_confirmed()
    monkeypatch.setattr("builtins.input", lambda _: f" {current_key_id()} ")
    assert current_key_id() in run()
    assert backups.is_confirmed()


def test_the_command_without_anybody_to_ask_says_how(monkeypatch):
    def nobody(_):
        raise EOFError

    monkeypatch.setattr("builtins.input", nobody)
    with pytest.raises(CommandError, match="--yes"):
        run()


def test_the_place_of_the_key_is_told_and_never_the_key(monkeypatch, tmp_path):
    monkeypatch.setenv("WGPANEL_FIELD_KEY", "in the environment")
    told = secret_files.whereabouts("WGPANEL_FIELD_KEY", tmp_path)
    assert told == "the environment variable WGPANEL_FIELD_KEY"
    monkeypatch.delenv("WGPANEL_FIELD_KEY")
    monkeypatch.setenv("WGPANEL_FIELD_KEY_FILE", str(tmp_path / "key"))
    assert secret_files.whereabouts("WGPANEL_FIELD_KEY", tmp_path) == str(tmp_path / "key")
