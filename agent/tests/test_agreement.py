"""A new secret from two shares: both sides agree on it; shares that give it away are refused."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wgpanel_agent.signing.agreement import (
    PRIME,
    BadShare,
    Half,
    agreed_secret,
    make_half,
)

OLD = b"an old secret of thirty-two bytes"


def secret_of(half: Half, theirs: str, shares: tuple[str, str], **parts: object) -> str:
    return agreed_secret(half, theirs, **{"old": OLD, "keyid": "n.2", "shares": shares, **parts})


def test_both_sides_come_to_the_same_secret():
    ours, theirs = make_half(), make_half()
    shares = (ours.share, theirs.share)
    secret = secret_of(ours, theirs.share, shares)
    assert secret == secret_of(theirs, ours.share, shares)
    assert re.fullmatch("[0-9a-f]{64}", secret)


@pytest.mark.parametrize("other", [{"old": b"another" * 5}, {"keyid": "n.3"}])
def test_the_secret_is_bound_to_the_old_one_and_to_the_key(other):
    half = make_half()
    shares = (half.share, half.share)
    assert secret_of(half, half.share, shares) != secret_of(half, half.share, shares, **other)


def test_the_prime_is_the_one_that_rfc_7919_reckons():
    bits, term, n, e = 2200, 1 << 2200, 0, 0
    while term:
        e, n = e + term, n + 1
        term //= n
    middle = (e >> (bits - 1918)) + 560316
    assert 2**2048 - 2**1984 + middle * 2**64 - 1 == PRIME


@pytest.mark.parametrize("number", [0, 1, PRIME - 1, PRIME, PRIME + 1, 2**2048 - 1])
def test_a_share_of_a_small_order_is_refused(number):
    with pytest.raises(BadShare, match="from 2"):
        secret_of(make_half(), f"{number:0512x}", ("a", "b"))


@given(st.text(max_size=20) | st.sampled_from(["F" * 512, "1" * 511, "1" * 513, "１" * 512]))
def test_what_is_no_share_is_refused(text):
    with pytest.raises(BadShare, match="512"):
        secret_of(Half(5, "x"), text, ("a", "b"))


def test_the_exponent_is_in_no_text():
    half = make_half()
    assert str(half.exponent) not in f"{half} {half!r}"
