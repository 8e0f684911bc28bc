"""A client's file says what the model says, or there is none."""

import dataclasses
import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wgpanel_agent.documents import InvalidDocument

from lab.command import run
from peers.configuration.client_conf import PLACEHOLDER, ClientConf, parse, render

SERVER_KEY = "6PXI/gaBTRHMR770BO35pdudv9dnIZODvjg3z8h2f3k="
PRIVATE_KEY = "OAiwi7tMPmS2tWTTXmYT1SiO25hdZZroHcq4vzwpy1I="
PRESHARED_KEY = "rTTton8XuygiPsdHg12wt0yALQ0tqdhfVVpKyKMslsQ="
CASES = Path(__file__).resolve().parents[2] / "agent" / "tests" / "cases"
INJECTIONS = [
    case["value"]
    for case in json.loads((CASES / "conf-injection.json").read_text())
    if case["field"] != "interface_name"
]


def make_values(**fields):
    """Return what ClientConf.of takes: an address and a full tunnel, no optional field."""
    return {
        "addresses": ["192.0.2.47/32"],
        "public_key": SERVER_KEY,
        "endpoint_host": "vpn.example.com",
        "endpoint_port": 51820,
        "allowed_ips": ["0.0.0.0/0", "::/0"],
        "private_key": PRIVATE_KEY,
        **fields,
    }


def make_conf(**fields):
    return ClientConf.of(**make_values(**fields))


FULL = {
    "addresses": ["192.0.2.45", "2001:DB8:45::45/128"],
    "dns": ["192.0.2.53", "corp.example"],
    "mtu": 1420,
    "preshared_key": PRESHARED_KEY,
    "keepalive": 25,
}


def test_the_whole_file_is_as_wg_quick_takes_it():
    assert render(make_conf(**FULL)) == (
        "[Interface]\n"
        f"PrivateKey = {PRIVATE_KEY}\n"
        "Address = 192.0.2.45/32, 2001:db8:45::45/128\n"
        "DNS = 192.0.2.53, corp.example\n"
        "MTU = 1420\n"
        "\n"
        "[Peer]\n"
        f"PublicKey = {SERVER_KEY}\n"
        f"PresharedKey = {PRESHARED_KEY}\n"
        "AllowedIPs = 0.0.0.0/0, ::/0\n"
        "Endpoint = vpn.example.com:51820\n"
        "PersistentKeepalive = 25\n"
    )


@pytest.mark.parametrize(
    "nothing",
    [{}, {"dns": [], "mtu": None, "keepalive": None, "preshared_key": None}, {"keepalive": 0}],
)
def test_what_is_not_set_is_not_written(nothing):
    text = render(make_conf(**nothing))
    absent = ("DNS", "MTU", "PresharedKey", "PersistentKeepalive", "Table", "FwMark", "None")
    assert [word for word in absent if word in text] == []
    assert "Address = 192.0.2.47/32\n" in text
    assert not any(line.rstrip().endswith(" =") for line in text.splitlines())


@pytest.mark.parametrize(
    ("host", "written"),
    [
        ("2001:DB8:FFFF::98", "[2001:db8:ffff::98]:51820"),
        ("203.0.113.9", "203.0.113.9:51820"),
        ("vpn.example.com", "vpn.example.com:51820"),
    ],
)
def test_an_ipv6_endpoint_stands_in_brackets_and_only_that(host, written):
    assert f"Endpoint = {written}\n" in render(make_conf(endpoint_host=host))


@pytest.mark.lab
def test_without_the_private_key_the_file_says_what_to_do_and_no_client_takes_it(tmp_path):
    text = render(make_conf(private_key=None))
    assert f"PrivateKey = {PLACEHOLDER}\n" in text
    assert parse(text).is_complete is False
    assert f"`{PLACEHOLDER}'" in wg_refusal(text, tmp_path)


@pytest.mark.lab
def test_wg_itself_reads_every_kind_of_file(tmp_path):
    for fields in ({}, FULL, {"endpoint_host": "2001:db8::1"}, {"addresses": ["2001:db8::2"]}):
        assert wg_refusal(render(make_conf(**fields)), tmp_path) == ""


def wg_refusal(text, folder):
    """Return what `wg-quick strip` and `wg setconf` have against a file.

    setconf parses all of it before it looks for the interface, which is not there.
    """
    file = folder / "client.conf"
    file.write_text(text)
    file.chmod(0o600)
    stripped = run(["wg-quick", "strip", str(file)])
    file.write_text(stripped.replace("vpn.example.com", "192.0.2.1"))
    setconf = ["wg", "setconf", "wgpanel-none", str(file)]
    said = subprocess.run(setconf, check=False, capture_output=True, text=True).stderr
    return "" if said.startswith("Unable to modify interface") else said


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"addresses": []}, "Address"),
        ({"addresses": ["192.0.2.0/24"]}, "Address"),
        ({"allowed_ips": []}, "AllowedIPs"),
        ({"allowed_ips": [""]}, "AllowedIPs"),
        ({"allowed_ips": ["192.0.2.9/24"]}, "AllowedIPs"),
        ({"mtu": 1200, "addresses": ["2001:db8::1"]}, "MTU"),
        ({"mtu": 0}, "MTU"),
        ({"mtu": True}, "MTU"),
        ({"keepalive": 65536}, "PersistentKeepalive"),
        ({"endpoint_port": 0}, "Endpoint"),
        ({"public_key": ""}, "PublicKey"),
        ({"private_key": "x"}, "PrivateKey"),
    ],
)
def test_a_value_that_no_client_takes_is_refused_and_named(fields, named):
    with pytest.raises(InvalidDocument) as refused:
        make_conf(**fields)
    assert refused.value.field.startswith(named)


def test_neither_key_is_shown_by_accident():
    shown = f"{make_conf(**FULL)!r} {make_conf(**FULL)}"
    assert PRIVATE_KEY not in shown
    assert PRESHARED_KEY not in shown


# --- hostile values ----------------------------------------------------------------------------

ONE = ("public_key", "endpoint_host", "private_key", "preshared_key", "mtu", "keepalive")
SEVERAL = ("addresses", "allowed_ips", "dns")
BAD = (
    "\n", "\r", "\x85", "\u2028", "\x00", "#", "[Peer]", "%i", "$(id)", "`id`", ";", "..", ",",
    "x" * 10_000, "\u202e", "fe80::1%a\n[Interface]", "\nPostUp = id", "\ud800", "😀",
)  # fmt: skip
hostile = st.one_of(
    st.sampled_from([*BAD, *INJECTIONS]),
    st.text(st.characters(exclude_categories=())),
    st.builds(
        lambda good, bad, at: good[:at] + bad + good[at:],
        st.sampled_from(["192.0.2.1/32", "0.0.0.0/0", "vpn.example", PRIVATE_KEY, "1420"]),
        st.sampled_from(BAD),
        st.integers(0, 44),
    ),
)


def render_or_refuse(make):
    """Return whether there is a file; assert that it says what its model says."""
    try:
        conf = make()
        text = render(conf)
    except InvalidDocument:
        return False
    sections = [line for line in text.splitlines() if line.startswith("[")]
    assert sections == ["[Interface]", "[Peer]"]
    assert parse(text) == conf
    return True


@pytest.mark.parametrize("value", INJECTIONS)
@pytest.mark.parametrize("field", [*ONE, *SEVERAL])
def test_an_injection_through_any_field_is_refused(field, value):
    values = make_values(**{field: [value] if field in SEVERAL else value})
    assert render_or_refuse(lambda: ClientConf.of(**values)) is False


@settings(deadline=None)
@given(field=st.sampled_from([*ONE, *SEVERAL]), value=hostile)
def test_a_hostile_value_is_refused_or_read_back_as_it_is(field, value):
    values = make_values(**{field: [value] if field in SEVERAL else value})
    assert render_or_refuse(lambda: ClientConf.of(**values)) in (True, False)


@settings(deadline=None)
@given(field=st.sampled_from([*ONE, *SEVERAL]), value=hostile)
def test_a_model_that_was_never_parsed_gets_no_file_unless_it_reads_back(field, value):
    unchecked = {field: (value,) if field in SEVERAL else value}
    assert render_or_refuse(lambda: dataclasses.replace(make_conf(), **unchecked)) in (True, False)


def test_a_model_whose_values_were_smuggled_in_gets_no_file():
    smuggled = dataclasses.replace(make_conf(), dns=("192.0.2.53, 192.0.2.54",))
    with pytest.raises(InvalidDocument, match="does not read back"):
        render(smuggled)


networks4 = st.ip_addresses(v=4).map(lambda ip: f"{ip}/32")
hosts6 = st.integers(1, 2**64 - 1).map(lambda n: f"2001:db8::{n >> 48:x}:{n & 0xFFFF:x}/128")


@settings(deadline=None)
@given(
    addresses=st.lists(networks4 | hosts6, min_size=1, max_size=2),
    allowed_ips=st.lists(networks4, min_size=1, max_size=20, unique=True),
    endpoint_port=st.integers(1, 65535),
    mtu=st.none() | st.integers(1280, 9000),
    keepalive=st.none() | st.integers(0, 65535),
)
def test_whatever_is_good_is_rendered_and_reads_back(**fields):
    assert render_or_refuse(lambda: make_conf(**fields)) is True
