"""A pin has one spelling, and is the SHA-256 that every other tool shows of a certificate."""

import pytest
from django.core.exceptions import ValidationError

from nodes.calling.pins import certificate_pin, pin_of

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # FIPS 180-4


def test_a_pin_is_the_sha_256_of_the_certificate():
    assert pin_of(b"") == EMPTY


def test_what_a_pin_is_spelled_as_is_accepted():
    assert certificate_pin(EMPTY) is None


@pytest.mark.parametrize(
    "value",
    ["", EMPTY[1:], EMPTY + "0", EMPTY.upper(), EMPTY[:-1] + "g", EMPTY + "\n", " " + EMPTY[1:],
     ":".join(EMPTY[i : i + 2] for i in range(0, 64, 2)), "٣" * 64, "sha256:" + EMPTY[7:]],
)  # fmt: skip
def test_every_other_spelling_is_refused(value):
    with pytest.raises(ValidationError) as refused:
        certificate_pin(value)
    assert refused.value.code == "bad_pin"
