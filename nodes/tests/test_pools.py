"""Pools by arithmetic: nothing is ever enumerated."""

import ipaddress

import pytest
from django.core.exceptions import ValidationError

from nodes.pools import Pool
from nodes.validators import pool_v4, pool_v6


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("192.0.2.0/27", "192.0.2.1", "192.0.2.30"),
        ("192.0.2.0/30", "192.0.2.1", "192.0.2.2"),
        ("10.0.0.0/8", "10.0.0.1", "10.255.255.254"),
        ("2001:db8::/126", "2001:db8::1", "2001:db8::3"),
        ("2001:db8::/64", "2001:db8::1", "2001:db8::7fff:ffff:ffff:fffe"),
    ],
)
def test_the_hosts_of_a_pool_leave_out_network_and_broadcast(text, first, last):
    pool = Pool.parse(text)
    assert (str(pool.at(pool.first)), str(pool.at(pool.last))) == (first, last)


def test_an_address_has_an_offset_only_inside_its_pool():
    pool = Pool.parse("192.0.2.0/27")
    assert pool.offset_of(ipaddress.ip_address("192.0.2.31")) == 31
    assert pool.offset_of(ipaddress.ip_address("192.0.2.32")) is None
    assert pool.offset_of(ipaddress.ip_address("2001:db8::5")) is None


@pytest.mark.parametrize(
    "text",
    [
        "192.0.2.1/27", "192.0.2.0", "192.0.2.0/", "192.0.2.0/255.255.255.0", "192.0.2.0/32",
        "192.0.2.0/31", "192.0.2.0/33", "192.0.2.0/２７", "2001:db8::/128", "fe80::%a\nb/64",
        "fe80::%25a/64", "10.0.0.0/8\n", " 10.0.0.0/8", "010.0.0.0/8", "", "wg0",
    ],
)  # fmt: skip
def test_what_is_no_pool_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        Pool.parse(text)
    for validator in (pool_v4, pool_v6):
        with pytest.raises(ValidationError):
            validator(text)


@pytest.mark.parametrize(
    ("validator", "text", "code"),
    [
        (pool_v4, "2001:db8::/64", "wrong_family"),
        (pool_v6, "10.0.0.0/8", "wrong_family"),
        (pool_v6, "2001:DB8::/64", "not_canonical"),
        (pool_v4, "10.0.0.0/08", "not_canonical"),
    ],
)
def test_a_pool_has_one_spelling_and_its_own_family(validator, text, code):
    with pytest.raises(ValidationError) as caught:
        validator(text)
    assert caught.value.code == code


@pytest.mark.parametrize("text", ["10.0.0.0/24", "2001:db8::/64", "fd00:0:0:1::/64"])
@pytest.mark.parametrize("offset", [1, 2, 254])
def test_an_address_is_spelled_as_wireguard_does(text, offset):
    pool = Pool.parse(text)
    assert pool.text_at(offset) == str(pool.at(offset))
