"""A new field key: everything is sealed anew, once, and nothing is lost on the way."""

import os
from base64 import b64encode
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from keyring.rotation import rotate, secret_columns
from keyring.sealing import current_key_id, key_id_of
from nodes.models import Node
from nodes.tests.builders import make_node

pytestmark = pytest.mark.django_db
SECRET = "a secret of more than 32 bytes, of course"


def make_key() -> str:
    return b64encode(os.urandom(32)).decode()


@pytest.fixture
def renewed(settings):
    """Two nodes sealed with the old key, and a new key in force beside it."""
    nodes = [make_node(secret=SECRET), make_node(secret=SECRET), make_node(secret=None)]
    settings.WGPANEL_FIELD_KEYS = (make_key(), *settings.WGPANEL_FIELD_KEYS)
    return nodes


def key_ids() -> list[str]:
    sealed = Node.objects.exclude(secret=None).values_list("secret", flat=True)
    return [key_id_of(text) for text in sealed]


def run(**options) -> str:
    out = StringIO()
    call_command("rotate_field_keys", stdout=out, **options)
    return out.getvalue()


def test_every_sealed_field_is_known():
    assert "nodes.Node.secret" in [str(column) for column in secret_columns()]


def test_all_is_sealed_with_the_new_key_and_opens_without_the_old_one(renewed, settings):
    assert "2 sealed anew, 0 locked" in run()
    settings.WGPANEL_FIELD_KEYS = settings.WGPANEL_FIELD_KEYS[:1]
    assert key_ids() == [current_key_id()] * 2
    assert Node.objects.get(pk=renewed[0].pk).secret.reveal() == SECRET


def test_a_second_run_finds_nothing_to_do(renewed):
    run()
    assert "0 sealed anew, 0 locked" in run()


def test_a_dry_run_changes_nothing_and_says_how_many_are_left(renewed):
    before = key_ids()
    assert f"2 under {before[0]}" in run(dry_run=True)
    assert key_ids() == before


def test_a_secret_without_its_key_stays_and_fails_the_command(renewed, settings):
    before = key_ids()
    settings.WGPANEL_FIELD_KEYS = settings.WGPANEL_FIELD_KEYS[:1]
    with pytest.raises(CommandError, match="2 secrets open with no configured key"):
        run()
    assert key_ids() == before


def test_a_secret_that_is_replaced_meanwhile_is_left_as_it_is(renewed, monkeypatch):
    column = next(it for it in secret_columns() if it.model is Node)
    opened = column.opened

    def opened_while_replaced(pk, sealed):
        node = Node.objects.get(pk=pk)
        node.secret = "another secret that is long enough, too"
        node.save(update_fields=["secret"])
        return opened(pk, sealed)

    monkeypatch.setattr(column, "opened", opened_while_replaced)
    assert rotate(column).resealed == 0
    assert Node.objects.get(pk=renewed[0].pk).secret.reveal().startswith("another")
