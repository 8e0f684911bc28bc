"""The grammar: what is outside is refused, what is inside comes out in one spelling."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wgpanel_agent import grammar
from wgpanel_agent.documents import (
    Document,
    InterfacePart,
    InvalidDocument,
    PeerPart,
    fingerprint_key,
    preshared_key_fingerprint,
)
from wgpanel_agent.host.wireguard import peer_section

CASES = Path(__file__).parent / "cases"
KEY = "/Ap3XpSpIW7CKYLWpRXY0OHD8uByjgmOU+YWns/p9lE="
OTHER_KEY = "+/Wx6FjeRQSkEuii4qVFfRCabLPmxMYjvk8lXeygeEs="
PRESHARED = "4BaULVmixBANbREIkorYceZ4Y5Qe7Pbysp8I6krQL0k="
ZERO_KEY = "A" * 43 + "="

HOSTILE = (
    *(
        "",
        " ",
        "\n",
        "x\nPostUp = touch pwned",
        "x\r[Interface]",
        "x\x85y",
        "x\u2028y",
        "nul\0byte",
    ),
    *("# [Interface]", "[Peer]", "%i", "$(id)", "`id`", "; id", "..", "../wg0", "a" * 10_000),
    *("\u202eabc", "fe80::1%a\nPostUp=touch pwned", "fe80::1%a", "wg0\n", "wg0;id", "--help", "-h"),
    *("all", "١٢٣", "wg٠", "\ud800", "10.0.0.1\t", "10.0.0.1/255.255.255.0", "192.0.2.9/32${IFS}#"),
)
FIELDS = {
    "interface_name": grammar.interface_name,
    "public_key": grammar.public_key,
    "private_key": grammar.private_key,
    "preshared_key": grammar.preshared_key,
    "address": grammar.interface_address,
    "routed_network": grammar.routed_network,
    "allowed_ips": grammar.peer_address,
    "endpoint": grammar.endpoint,
    "listen_port": grammar.port,
    "mtu": grammar.mtu,
    "keepalive": grammar.keepalive,
    "fwmark": grammar.fwmark,
    "table": grammar.routing_table,
}


def make_peer(**fields: Any) -> dict[str, Any]:
    return {"public_key": KEY, "allowed_ips": ["10.0.0.2/32"]} | fields


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_text_is_refused_in_every_field_and_not_repeated(field: str, value: str) -> None:
    with pytest.raises(InvalidDocument) as refusal:
        FIELDS[field](value)
    assert refusal.value.field
    assert len(value) < 8 or value not in str(refusal.value)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", [True, 1.5, [], {}, b"x", -1, 2**70], ids=repr)
def test_another_type_or_range_is_refused_in_every_field(field: str, value: object) -> None:
    with pytest.raises(InvalidDocument):
        FIELDS[field](value)


@given(text=st.text(st.characters() | st.sampled_from("\n\r\t%/:.0123456789abcdef=#[]")))
def test_whatever_passes_is_one_printable_ascii_word(text: str) -> None:
    for parse in FIELDS.values():
        try:
            value = parse(text)
        except InvalidDocument:
            continue
        assert isinstance(value, str)
        assert value.isascii()
        assert value.isprintable()
        assert not set(value) & set("%#; \\'\"`$")


@pytest.mark.parametrize(
    "name", ["all", "interfaces", "lo", "default", "help", "..", ".", "Wg0", "0wg", "w" * 16]
)
def test_an_interface_name_that_means_something_else_is_refused(name: str) -> None:
    with pytest.raises(InvalidDocument):
        grammar.interface_name(name)


@pytest.mark.parametrize("name", ["wg0", "a", "wg-home_1", "w" * 15])
def test_an_ordinary_interface_name_passes(name: str) -> None:
    assert grammar.interface_name(name) == name


def test_every_well_formed_public_key_passes() -> None:
    keys = (CASES / "public-keys.txt").read_text().splitlines()
    assert [grammar.public_key(key) for key in keys] == keys
    assert len({key[42] for key in keys}) == 16


BAD_KEYS = json.loads((CASES / "bad-keys.json").read_text())
OWN_KEY = "own public key of the server"  # a good key; refused where the interface is known


@pytest.mark.parametrize("case", BAD_KEYS["cases"], ids=lambda case: case["why"])
def test_a_bad_key_is_refused_by_name(case: dict[str, Any]) -> None:
    if case["why"] == OWN_KEY:
        assert grammar.public_key(case["public_key"])
        return
    with pytest.raises(InvalidDocument, match="public_key"):
        PeerPart.parse(make_peer(public_key=case["public_key"]))


@pytest.mark.parametrize("high_bit", [0, 1])
@pytest.mark.parametrize("point", sorted(grammar.LOW_ORDER_POINTS))
def test_a_point_of_small_order_is_refused_in_every_spelling(point: int, high_bit: int) -> None:
    raw = (point | high_bit << 255).to_bytes(32, "little")
    with pytest.raises(InvalidDocument, match="small order"):
        grammar.public_key(grammar._key_text(raw))


def test_the_unreduced_spelling_of_a_small_order_point_is_refused() -> None:
    raw = (grammar.CURVE25519_PRIME + 1).to_bytes(32, "little")
    with pytest.raises(InvalidDocument, match="small order"):
        grammar.public_key(grammar._key_text(raw))


def test_a_preshared_key_of_zero_bytes_means_none() -> None:
    assert grammar.preshared_key(ZERO_KEY) is None
    assert grammar.preshared_key(PRESHARED) == PRESHARED


def test_a_private_key_of_zero_bytes_is_refused() -> None:
    with pytest.raises(InvalidDocument):
        grammar.private_key(ZERO_KEY)


@pytest.mark.parametrize(
    ("given", "spelled"),
    [
        ("10.0.0.2", "10.0.0.2/32"),
        ("10.0.0.2/32", "10.0.0.2/32"),
        ("2001:DB8:0:0::1", "2001:db8::1/128"),
        ("fd00::1/128", "fd00::1/128"),
    ],
)
def test_a_peer_address_gets_the_spelling_of_wg(given: str, spelled: str) -> None:
    assert grammar.peer_address(given) == spelled


@pytest.mark.parametrize(
    "given", ["10.0.1.2/24", "10.0.1.0/24", "0.0.0.0/0", "fd00::/64", "10.0.0.2/33", "10.0.0.2/032"]
)
def test_a_peer_gets_single_addresses_only(given: str) -> None:
    with pytest.raises(InvalidDocument):
        PeerPart.parse(make_peer(allowed_ips=[given]))


def test_a_network_behind_a_peer_needs_the_right_and_no_host_bits() -> None:
    network = PeerPart.parse(make_peer(allowed_ips=["192.168.7.0/24", "::/0"]), routes=True)
    assert network.allowed_ips == ("192.168.7.0/24", "::/0")
    with pytest.raises(InvalidDocument, match="beyond its prefix"):
        PeerPart.parse(make_peer(allowed_ips=["192.168.7.1/24"]), routes=True)


@pytest.mark.parametrize(
    "given", ["010.0.0.1", "0177.0.0.1", "10.0.1", "::ffff:102:304", "::102:304"]
)
def test_an_address_with_two_meanings_is_refused(given: str) -> None:
    with pytest.raises(InvalidDocument):
        grammar.peer_address(given)


ADDRESSES = st.builds(
    "{}{}".format,
    st.one_of(
        st.ip_addresses().map(str),
        st.ip_addresses(v=6).map(lambda address: address.exploded),
        st.ip_addresses(v=6).map(lambda address: str(address).upper()),
        st.ip_addresses(network="::/96").map(str),
        st.ip_addresses(network="::ffff:0:0/96").map(str),
        st.from_regex(r"[0-9a-f:.]{2,40}", fullmatch=True),
        st.sampled_from(["010.0.0.1", "256.1.1.1", "::ffff:1.2.3.4", "1.2.3.4\0", "\u0661.2.3.4"]),
    ),
    st.sampled_from(["/32", "/128", "", "/032", "/0", "/24", "/32\n", "/128 ", "/129"]),
)


def outcome_of(parse: Callable[[object], str], given: str) -> str:
    try:
        return parse(given)
    except InvalidDocument as error:
        return f"refused: {error}"


@given(ADDRESSES)
def test_the_short_way_for_addresses_leads_where_the_long_one_does(given: str) -> None:
    for parse in (grammar.peer_address, grammar.routed_network):
        short = outcome_of(parse, given)
        with mock.patch.object(grammar, "_is_as_printed", return_value=False):
            assert outcome_of(parse, given) == short


def test_the_interface_keeps_its_host_bits() -> None:
    assert grammar.interface_address("10.0.0.1/24") == "10.0.0.1/24"


@pytest.mark.parametrize("given", ["192.0.2.1:51820", "[2001:db8::1]:1"])
def test_an_endpoint_is_an_address_and_a_port(given: str) -> None:
    assert grammar.endpoint(given) == given


@pytest.mark.parametrize(
    "given",
    ["vpn.example.org:51820", "192.0.2.1:0", "192.0.2.1:65536", "2001:db8::1:1", "[::ffff:1:2]:1"],
)
def test_an_endpoint_is_nothing_else(given: str) -> None:
    with pytest.raises(InvalidDocument):
        grammar.endpoint(given)


def test_zero_turns_keepalive_and_fwmark_off() -> None:
    assert grammar.keepalive(0) is None
    assert grammar.keepalive(25) == 25
    assert grammar.fwmark(0) is None


@pytest.mark.parametrize("value", ["off", "auto", 1, 2**31 - 1, None])
def test_a_table_is_off_auto_or_a_number(value: object) -> None:
    assert grammar.routing_table(value) == value


def test_a_peer_with_a_field_of_another_version_is_refused_by_name() -> None:
    with pytest.raises(InvalidDocument, match=r"peer\.endpoint: is not a field"):
        PeerPart.parse(make_peer(endpoint="192.0.2.1:1"))


def test_an_unprintable_field_name_is_not_repeated() -> None:
    with pytest.raises(InvalidDocument) as refusal:
        PeerPart.parse(make_peer(**{"x\nPostUp": 1}))
    assert "PostUp" not in str(refusal.value)


@pytest.mark.parametrize("missing", ["public_key", "allowed_ips"])
def test_a_peer_lacks_nothing_essential(missing: str) -> None:
    peer = make_peer()
    del peer[missing]
    with pytest.raises(InvalidDocument, match=missing):
        PeerPart.parse(peer)


def test_one_peer_names_a_network_once() -> None:
    with pytest.raises(InvalidDocument, match="twice"):
        PeerPart.parse(make_peer(allowed_ips=["10.0.0.2", "10.0.0.2/32"]))


@pytest.mark.parametrize(
    ("second", "field"),
    [
        (make_peer(allowed_ips=["10.0.0.3"]), r"peers\[1\]\.public_key"),
        (make_peer(public_key=OTHER_KEY, allowed_ips=["10.0.0.2"]), r"peers\[1\]\.allowed_ips"),
    ],
)
def test_two_peers_never_share_a_key_or_an_address(second: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidDocument, match=field):
        Document.parse({"peers": [make_peer(), second]})


def test_a_small_mtu_does_not_go_with_ipv6() -> None:
    part = {"listen_port": 51820, "mtu": 1200, "addresses": ["10.0.0.1/24"]}
    assert InterfacePart.parse(part).mtu == 1200
    with pytest.raises(InvalidDocument, match="1280"):
        InterfacePart.parse(part | {"addresses": ["fd00::1/64"]})


def test_a_document_is_parsed_whole() -> None:
    document = Document.parse(
        {
            "interface": {"listen_port": 51820, "addresses": ["10.0.0.1/24"], "fwmark": 7},
            "peers": [make_peer(preshared_key=PRESHARED, keepalive=25)],
        }
    )
    assert document.interface == InterfacePart(51820, ("10.0.0.1/24",), fwmark=7)
    assert document.peers[0].keepalive == 25


@pytest.mark.parametrize("data", [None, [], "x", {"peers": {}}, {"peers": [1]}, {"peers": None}])
def test_a_document_of_another_shape_is_refused(data: object) -> None:
    with pytest.raises(InvalidDocument):
        Document.parse(data)


def test_a_peer_never_shows_its_preshared_key() -> None:
    assert PRESHARED not in repr(PeerPart.parse(make_peer(preshared_key=PRESHARED)))


PEER_FIELDS = ("allowed_ips", "preshared_key", "public_key")
INJECTIONS = json.loads((CASES / "conf-injection.json").read_text())


@pytest.mark.parametrize("case", INJECTIONS, ids=lambda case: f"{case['field']}")
def test_no_line_is_injected_through_any_field(case: dict[str, str]) -> None:
    """A field of ours refuses it by its grammar, any other field because it is not ours."""
    value: object = [case["value"]] if case["field"] == "allowed_ips" else case["value"]
    with pytest.raises(InvalidDocument, match=case["field"]):
        PeerPart.parse(make_peer(**{case["field"]: value}))
    if case["field"] in FIELDS:
        with pytest.raises(InvalidDocument):
            FIELDS[case["field"]](case["value"])


@given(
    raw=st.binary(min_size=32, max_size=32),
    preshared=st.binary(min_size=32, max_size=32),
    hosts=st.lists(st.integers(1, 2**32 - 1), max_size=4, unique=True),
    keepalive=st.integers(0, 65535),
)
def test_a_rendered_peer_reads_back_as_the_peer(
    raw: bytes, preshared: bytes, hosts: list[int], keepalive: int
) -> None:
    fields = {
        "public_key": grammar._key_text(raw),
        "preshared_key": grammar._key_text(preshared),
        "allowed_ips": [".".join(map(str, host.to_bytes(4, "big"))) for host in hosts],
        "keepalive": keepalive,
    }
    try:
        peer = PeerPart.parse(fields)
    except InvalidDocument:
        return
    header, *lines = peer_section(peer).splitlines()
    told = dict(line.split(" = ", 1) for line in lines)
    assert header == "[Peer]"
    assert peer == PeerPart.parse(
        {
            "public_key": told["PublicKey"],
            "preshared_key": told["PresharedKey"],
            "allowed_ips": told.get("AllowedIPs", "").replace(",", " ").split(),
            "keepalive": 0
            if told["PersistentKeepalive"] == "off"
            else int(told["PersistentKeepalive"]),
        }
    )


def test_a_fingerprint_tells_nothing_without_the_key_and_differs_on_every_peer() -> None:
    ours, theirs = fingerprint_key("n1", b"s" * 32), fingerprint_key("n2", b"s" * 32)
    prints = {
        preshared_key_fingerprint(ours, KEY, PRESHARED),
        preshared_key_fingerprint(theirs, KEY, PRESHARED),
        preshared_key_fingerprint(ours, OTHER_KEY, PRESHARED),
        preshared_key_fingerprint(ours, KEY, OTHER_KEY),
    }
    assert len(prints) == 4
    assert preshared_key_fingerprint(ours, KEY, PRESHARED) in prints


def test_what_the_panel_imports_needs_the_standard_library_only() -> None:
    source = str(Path(__file__).parents[1])
    program = f"import sys; sys.path.insert(0, {source!r}); from wgpanel_agent import "
    words = [sys.executable, "-I", "-S", "-c", program + "documents, protocol"]
    assert subprocess.run(words, capture_output=True, check=False).stderr == b""
