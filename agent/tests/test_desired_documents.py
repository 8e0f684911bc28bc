"""Hashes, states and the bodies of writes: both sides come to the same sum on any way there."""

import hashlib
import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from wgpanel_agent import grammar
from wgpanel_agent.documents import (
    POLICIES,
    Delta,
    InterfacePart,
    InvalidDocument,
    PeerPart,
    State,
    WholeDocument,
    hash_sum,
    if_match,
    parse_if_match,
    state_hash,
)

EPOCH = "3f0c8a52-6f0e-4f0a-9f57-0a4d3b7f1c11"
OTHER_EPOCH = "00000000-0000-4000-8000-000000000000"
KEY = "/Ap3XpSpIW7CKYLWpRXY0OHD8uByjgmOU+YWns/p9lE="
OTHER_KEY = "+/Wx6FjeRQSkEuii4qVFfRCabLPmxMYjvk8lXeygeEs="
HASH = "ab" * 32


def key_text(raw: bytes) -> str:
    return b64encode(raw).decode()


def is_public(key: str) -> bool:
    try:
        return bool(grammar.public_key(key))
    except InvalidDocument:
        return False


keys = st.binary(min_size=32, max_size=32).map(key_text)
counts = st.none() | st.integers(0, 2**63 - 1)
hosts = st.integers(1, 2**32 - 1).map(lambda n: ".".join(map(str, n.to_bytes(4, "big"))) + "/32")


@st.composite
def peer_parts(draw: Any) -> PeerPart:
    return PeerPart(
        public_key=draw(keys.filter(is_public)),
        allowed_ips=tuple(sorted(draw(st.sets(hosts, max_size=3)))),
        preshared_key=draw(st.none() | keys.filter(lambda key: key.strip("A=") != "")),
        keepalive=draw(st.none() | st.integers(1, 65535)),
        expires_at=draw(counts),
        quota_bytes=draw(counts),
    )


interface_parts = st.builds(
    InterfacePart,
    listen_port=st.integers(1, 65535),
    addresses=st.sampled_from([(), ("10.0.0.1/24",), ("10.0.0.1/24", "fd00::1/64")]),
    mtu=st.none() | st.integers(1280, 9000),
    fwmark=st.none() | st.integers(1, 2**32 - 1),
    table=st.none() | st.sampled_from(["off", "auto"]) | st.integers(1, 2**31 - 1),
    forward=st.booleans(),
    masquerade=st.booleans(),
    out_interface=st.none() | st.from_regex(r"[a-zA-Z0-9_-]{1,15}", fullmatch=True),
    policy=st.sampled_from(POLICIES),
)
peer_lists = st.lists(
    peer_parts(), max_size=5, unique_by=(lambda p: p.public_key, lambda p: p.allowed_ips)
).filter(lambda peers: len({a for p in peers for a in p.allowed_ips}) == sum(map(networks, peers)))


def networks(peer: PeerPart) -> int:
    return len(peer.allowed_ips)


def make_whole(**fields: Any) -> dict[str, Any]:
    document = {"epoch": EPOCH, "generation": 7, "hash": HASH, "peers": []}
    return document | {"interface": {"listen_port": 51820}} | fields


def make_delta(**fields: Any) -> dict[str, Any]:
    return {"epoch": EPOCH, "base": 6, "generation": 7, "hash": HASH} | fields


@given(interface_parts, peer_lists, st.randoms())
def test_the_order_of_peers_does_not_matter(
    interface: InterfacePart, peers: list[PeerPart], random: Any
) -> None:
    shuffled = random.sample(peers, len(peers))
    assert state_hash(interface, shuffled) == state_hash(interface, peers)


@given(interface_parts, peer_lists, peer_lists)
def test_the_way_by_differences_leads_to_the_same_hash(
    interface: InterfacePart, before: list[PeerPart], after: list[PeerPart]
) -> None:
    moved = hash_sum(
        state_hash(interface, before),
        add=[peer.digest() for peer in after],
        subtract=[peer.digest() for peer in before],
    )
    assert moved == state_hash(interface, after)


@given(peer_parts())
def test_a_peer_reads_back_from_its_json(peer: PeerPart) -> None:
    told = json.loads(json.dumps(peer.as_json()))
    assert PeerPart.parse(told) == peer
    assert PeerPart.parse(told).digest() == peer.digest()


@given(interface_parts)
def test_an_interface_reads_back_from_its_json(interface: InterfacePart) -> None:
    told = json.loads(json.dumps(interface.as_json()))
    assert InterfacePart.parse(told) == interface


@given(interface_parts, peer_lists, counts.filter(lambda n: n is None or n <= 65536))
def test_a_whole_document_reads_back_and_sums_up(
    interface: InterfacePart, peers: list[PeerPart], confirmed: int | None
) -> None:
    state = State(EPOCH, 7, state_hash(interface, peers))
    document = WholeDocument(state, interface, tuple(peers), confirmed, OTHER_EPOCH)
    read = WholeDocument.parse(json.loads(json.dumps(document.as_json())))
    assert read == document
    assert read.sums_up


@given(peer_lists, st.sets(keys.filter(is_public), max_size=3))
def test_a_delta_reads_back(peers: list[PeerPart], removed: set[str]) -> None:
    removed -= {peer.public_key for peer in peers}
    delta = Delta(EPOCH, 6, 7, HASH, tuple(peers), tuple(removed), 3)
    assert Delta.parse(json.loads(json.dumps(delta.as_json()))) == delta


@given(st.integers(1, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_an_etag_reads_back(generation: int, raw: bytes) -> None:
    state = State(EPOCH, generation, raw.hex())
    assert State.parse_etag(state.etag) == state
    assert parse_if_match(if_match(state)) == state


def test_no_state_has_a_tag_of_its_own() -> None:
    assert if_match(None) == '"none"'
    assert parse_if_match('"none"') is None


@pytest.mark.parametrize(
    "text",
    [
        *("", "*", "none", '"7"', f'W/"{EPOCH}:7:{HASH}"', f'"{EPOCH}:7:{HASH}", "none"'),
        *(f'"{EPOCH}:0:{HASH}"', f'"{EPOCH}:07:{HASH}"', f'"{EPOCH}:-7:{HASH}"'),
        *(f'"{EPOCH}:{2**63}:{HASH}"', f'"{EPOCH}:7:{HASH.upper()}"', f'"{EPOCH}:7:{HASH}"\n'),
        *(f'"{EPOCH.upper()}:7:{HASH}"', f'"{EPOCH}:٧:{HASH}"', None, 7),
    ],
)
def test_any_other_tag_is_refused(text: object) -> None:
    with pytest.raises(InvalidDocument, match="if_match"):
        parse_if_match(text)


def test_a_digest_is_that_of_the_canonical_text() -> None:
    text = '["peer",{"allowed_ips":["10.0.0.2/32"],"keepalive":25,"public_key":"' + KEY + '"}]'
    peer = PeerPart(KEY, ("10.0.0.2/32",), keepalive=25)
    assert peer.digest() == int(hashlib.sha256(text.encode()).hexdigest(), 16)


@given(peer_parts())
def test_a_peer_written_by_hand_is_what_json_makes_of_it(peer: PeerPart) -> None:
    told = json.dumps(peer.as_json(), sort_keys=True, separators=(",", ":"))
    assert peer.canonical() == told


hostile_peers = st.builds(
    PeerPart,
    public_key=st.text(),
    allowed_ips=st.lists(st.text(), max_size=3).map(tuple),
    preshared_key=st.none() | st.text(),
    keepalive=counts,
    expires_at=counts,
    quota_bytes=counts,
)


@example(PeerPart('a"b\n', ("\u00e9\\", "x", "}"), "\u2028\ud800", 1))
@given(hostile_peers)
def test_what_the_grammar_would_refuse_is_told_and_summed_all_the_same(peer: PeerPart) -> None:
    told = json.dumps(["peer", peer.as_json()], sort_keys=True, separators=(",", ":"))
    assert told == f'["peer",{peer.canonical()}]'
    assert peer.digest() == int(hashlib.sha256(told.encode()).hexdigest(), 16)


@given(interface_parts, st.lists(hostile_peers, max_size=3), counts, st.booleans())
def test_a_body_in_one_piece_says_what_its_parts_say(
    interface: InterfacePart, peers: list[PeerPart], confirmed: int | None, written: bool
) -> None:
    document = WholeDocument(State(EPOCH, 7, HASH), interface, tuple(peers), confirmed, OTHER_EPOCH)
    text = document.text([peer.canonical() for peer in peers] if written else None)
    assert json.loads(text) == document.as_json()


def test_a_field_at_its_default_changes_no_digest() -> None:
    short, long = {"listen_port": 1}, {"listen_port": 1, "policy": "enforce", "forward": False}
    assert InterfacePart.parse(short).digest() == InterfacePart.parse(long).digest()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"epoch": EPOCH.upper()}, "epoch"),
        ({"epoch": None}, "epoch"),
        ({"generation": 0}, "generation"),
        ({"generation": True}, "generation"),
        ({"generation": 2**63}, "generation"),
        ({"hash": "0"}, "hash"),
        ({"hash": HASH.upper()}, "hash"),
        ({"interface": None}, "interface"),
        ({"peers": None}, "peers"),
        ({"replaces_epoch": "x"}, "replaces_epoch"),
        ({"confirm_removals": "3"}, "confirm_removals"),
        ({"hooks": []}, r"document\.hooks"),
        ({"peers": [{"public_key": KEY, "allowed_ips": []}] * 2}, r"peers\[1\]\.public_key"),
    ],
)
def test_a_bad_whole_document_is_refused_with_its_field(body: Any, field: str) -> None:
    with pytest.raises(InvalidDocument, match=field):
        WholeDocument.parse(make_whole(**body))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"base": 7}, "generation"),
        ({"base": 0}, "base"),
        ({"base": None}, "base"),
        ({"upsert": [{}]}, r"upsert\[0\]"),
        ({"upsert": [{}] * 501}, "upsert"),
        ({"remove": [KEY, KEY]}, "remove"),
        ({"remove": ["x"]}, r"remove\[0\]"),
        ({"remove": [KEY], "upsert": [{"public_key": KEY, "allowed_ips": []}]}, r"remove\[0\]"),
        ({"peers": []}, r"delta\.peers"),
    ],
)
def test_a_bad_delta_is_refused_with_its_field(body: Any, field: str) -> None:
    with pytest.raises(InvalidDocument, match=field):
        Delta.parse(make_delta(**body))


@pytest.mark.parametrize(
    "part",
    [
        {"out_interface": ""},
        {"out_interface": "eth0;id"},
        {"out_interface": "eth0\n"},
        {"out_interface": ".."},
        {"out_interface": "e" * 16},
        {"out_interface": "eth٠"},
        {"forward": 1},
        {"masquerade": "yes"},
        {"policy": "off"},
        {"policy": None},
        {"addresses": ["10.0.0.1/24", "10.0.0.1/24"]},
    ],
    ids=str,
)
def test_a_bad_option_of_the_interface_is_refused(part: Any) -> None:
    with pytest.raises(InvalidDocument, match=next(iter(part))):
        InterfacePart.parse({"listen_port": 51820} | part)


@pytest.mark.parametrize(
    ("expires_at", "expired"), [(None, False), (9, True), (10, True), (11, False)]
)
def test_a_peer_expires_on_its_second(expires_at: int | None, expired: bool) -> None:
    assert PeerPart(KEY, (), expires_at=expires_at).is_expired(10.0) is expired


def test_a_document_that_lost_a_peer_does_not_sum_up() -> None:
    interface, peer = InterfacePart(51820), PeerPart(OTHER_KEY, ("10.0.0.2/32",))
    state = State(EPOCH, 1, state_hash(interface, [peer]))
    assert not WholeDocument(state, interface, ()).sums_up
