"""A sealed text opens with its key, at its place, unaltered, and in no other case."""

import os
from base64 import b64encode

import pytest

from keyring.sealing import SecretLocked, looks_sealed, seal, unseal

PLACE = "nodes_node|secret|1"


def make_key() -> str:
    return b64encode(os.urandom(32)).decode()


@pytest.fixture(autouse=True)
def keys(settings):
    settings.WGPANEL_FIELD_KEYS = (make_key(),)
    return settings


@pytest.mark.parametrize("plaintext", ["", "x", "ключ 😀", "a\nb", "k" * 10_000])
def test_what_was_sealed_opens_at_its_place(plaintext):
    assert unseal(seal(plaintext, PLACE), PLACE) == plaintext


def test_the_sealed_text_shows_nothing_of_the_plaintext():
    assert "hunter2" not in seal("hunter2", PLACE)


def test_the_same_text_is_sealed_differently_each_time():
    assert seal("same", PLACE) != seal("same", PLACE)


@pytest.mark.parametrize("place", ["nodes_node|secret|2", "nodes_node|other|1", ""])
def test_a_sealed_text_that_was_moved_does_not_open(place):
    with pytest.raises(SecretLocked, match="another row"):
        unseal(seal("x", PLACE), place)


def test_an_old_key_behind_a_new_one_still_opens_what_it_sealed(keys):
    old = keys.WGPANEL_FIELD_KEYS
    sealed = seal("x", PLACE)
    keys.WGPANEL_FIELD_KEYS = (make_key(), *old)
    assert unseal(sealed, PLACE) == "x"


def test_the_first_key_seals(keys):
    first = keys.WGPANEL_FIELD_KEYS
    keys.WGPANEL_FIELD_KEYS = (*first, make_key())
    sealed = seal("x", PLACE)
    keys.WGPANEL_FIELD_KEYS = first
    assert unseal(sealed, PLACE) == "x"


def test_without_its_key_a_text_is_locked(keys):
    sealed = seal("x", PLACE)
    keys.WGPANEL_FIELD_KEYS = (make_key(),)
    with pytest.raises(SecretLocked, match="no configured key"):
        unseal(sealed, PLACE)


def test_another_key_that_claims_the_id_does_not_open():
    version, key_id, body = seal("x", PLACE).split(".")
    flipped = ("A" if body[0] != "A" else "B") + body[1:]
    with pytest.raises(SecretLocked, match="altered"):
        unseal(f"{version}.{key_id}.{flipped}", PLACE)


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_truncated_text_is_locked(cut):
    with pytest.raises(SecretLocked):
        unseal(seal("x", PLACE)[:-cut], PLACE)


@pytest.mark.parametrize("text", ["", "x", "v1", "v1.", "v1..", "a.b.c.d", "v1.00000000.é", "\0"])
def test_what_was_never_sealed_is_locked(text):
    with pytest.raises(SecretLocked):
        unseal(text, PLACE)


def test_a_text_of_another_version_is_locked():
    with pytest.raises(SecretLocked):
        unseal("v2" + seal("x", PLACE)[2:], PLACE)


@pytest.mark.parametrize("body", ["", "AA==", "A", "****"])
def test_a_body_too_short_for_a_nonce_is_locked(body):
    _, key_id, _ = seal("x", PLACE).split(".")
    with pytest.raises(SecretLocked):
        unseal(f"v1.{key_id}.{body}", PLACE)


def test_only_a_sealed_text_looks_sealed():
    assert looks_sealed(seal("x", PLACE))
    assert not any(map(looks_sealed, ("", "v1.x.y", "hunter2", "v1.00000000.a b", "x\n")))
