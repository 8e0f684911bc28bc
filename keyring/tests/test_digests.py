"""A digest recognises a secret and tells nothing of it."""

import re

import pytest

from keyring.digests import digest, is_digest_of

KEYS = (
    "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=",
    "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=",
)


@pytest.fixture(autouse=True)
def keys(settings):
    settings.WGPANEL_FIELD_KEYS = KEYS[:1]


def test_the_same_text_has_the_same_digest_and_another_text_another():
    assert re.fullmatch(r"[0-9a-f]{64}", digest("pin", "1234"))
    assert is_digest_of(digest("pin", "1234"), "pin", "1234")
    assert not is_digest_of(digest("pin", "1234"), "pin", "1235")


def test_a_digest_of_one_purpose_is_worth_nothing_for_another():
    assert digest("pin", "1234") != digest("token", "1234")


def test_without_the_key_of_the_panel_a_digest_cannot_be_made(settings):
    before = digest("pin", "1234")
    settings.WGPANEL_FIELD_KEYS = KEYS[1:]
    assert digest("pin", "1234") != before
    assert not is_digest_of(before, "pin", "1234")


def test_an_older_key_still_recognises_what_it_made(settings):
    before = digest("pin", "1234")
    settings.WGPANEL_FIELD_KEYS = (KEYS[1], KEYS[0])
    assert is_digest_of(before, "pin", "1234")
    assert digest("pin", "1234") != before


def test_an_empty_digest_recognises_nothing():
    assert not is_digest_of("", "pin", "")
