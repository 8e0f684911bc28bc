"""Writing /etc/wireguard/<iface>.conf: typed values in, and only those lines out."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wgpanel_agent.documents import InterfacePart, PeerPart, State, state_hash
from wgpanel_agent.files.confrender import hooks, render
from wgpanel_agent.files.serverconf import BadConf, ServerConf, parse
from wgpanel_agent.host.iproute import Route, wanted_routes

OWN_KEY = "4BaULVmixBANbREIkorYceZ4Y5Qe7Pbysp8I6krQL0k="
KEY = "/Ap3XpSpIW7CKYLWpRXY0OHD8uByjgmOU+YWns/p9lE="
OTHER_KEY = "J25dJebdR+na7Q72fDo/PyVmsx9a2c3bRpZrrpvu2TM="
PRESHARED = "u5drUhN5vZ6amdqZHuGI4GFCjlJXVCDlFGiF6jwAck0="
EPOCH = "3f0c8a52-6f0e-4f0a-9f57-0a4d3b7f1c11"
FOLDER = Path("/etc/wireguard")
INJECTIONS = json.loads((Path(__file__).parent / "cases" / "conf-injection.json").read_text())


def make_part(**fields: Any) -> InterfacePart:
    return InterfacePart(**{"listen_port": 51820, "addresses": ("10.8.0.1/24",), **fields})


def routes_of(part: InterfacePart, *peers: PeerPart) -> frozenset[Route]:
    return wanted_routes(part, peers)


def make_conf(part: InterfacePart | None = None, *peers: PeerPart, now: float = 0) -> ServerConf:
    part = part or make_part()
    state = State(EPOCH, 7, state_hash(part, peers))
    lines = hooks("wg0", part, routes_of(part, *peers), FOLDER)
    return ServerConf.of(state, part, OWN_KEY, peers, hooks=lines, now=now)


def test_a_file_has_its_state_its_settings_and_its_peers() -> None:
    part = make_part(mtu=1380, fwmark=51820, addresses=("10.8.0.1/24", "fd00::1/64"))
    conf = make_conf(part, PeerPart(KEY, ("10.8.0.2/32", "fd00::2/128"), PRESHARED, 25))
    assert conf.state is not None
    assert render(conf).splitlines() == [
        f"# wgpanel {EPOCH}:7:{conf.state.hash}",
        "# wgpanel-table default",
        "[Interface]",
        f"PrivateKey = {OWN_KEY}",
        "ListenPort = 51820",
        "Address = 10.8.0.1/24",
        "Address = fd00::1/64",
        "MTU = 1380",
        "FwMark = 51820",
        "Table = off",
        "",
        "[Peer]",
        f"PublicKey = {KEY}",
        f"PresharedKey = {PRESHARED}",
        "AllowedIPs = 10.8.0.2/32, fd00::2/128",
        "PersistentKeepalive = 25",
    ]


def test_only_peers_that_are_not_proven_are_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = PeerPart(KEY, ("10.8.0.2/32",)), PeerPart(OTHER_KEY, ("10.8.0.3/32",))
    conf, read = make_conf(None, old, new), []
    monkeypatch.setattr(
        "wgpanel_agent.files.confrender.parse", lambda it: read.append(it) or parse(it)
    )
    text = render(conf, {KEY: old})
    assert parse(text) == conf
    assert (KEY in read[0], OTHER_KEY in read[0]) == (False, True)


def test_a_proven_peer_that_has_changed_is_read_again() -> None:
    old = PeerPart(KEY, ("10.8.0.2/32",))
    lies = make_conf(None, PeerPart(KEY, ("10.8.0.2/32",), f"{PRESHARED}\nPostUp = x"))
    with pytest.raises(BadConf):
        render(lies, {KEY: old})


def test_what_is_not_wanted_has_no_line() -> None:
    text = render(make_conf(None, PeerPart(KEY, ())))
    for name in ("MTU", "FwMark", "PresharedKey", "AllowedIPs", "PersistentKeepalive", "Post"):
        assert name not in text
    assert "SaveConfig" not in text


def test_an_expired_peer_is_left_out_and_expiry_is_not_written() -> None:
    gone = PeerPart(KEY, ("10.8.0.2/32",), expires_at=100)
    stays = PeerPart(OTHER_KEY, ("10.8.0.3/32",), expires_at=101)
    conf = parse(render(make_conf(None, gone, stays, now=100)))
    assert conf.peers == (PeerPart(OTHER_KEY, ("10.8.0.3/32",)),)


@pytest.mark.parametrize("table", [None, "auto", "off", 51821])
def test_wg_quick_never_sets_a_route_and_the_wish_is_remembered(table: str | int | None) -> None:
    text = render(make_conf(make_part(table=table)))
    assert "\nTable = off\n" in text
    assert parse(text).table == table


def test_hooks_are_those_of_the_typed_options() -> None:
    part = make_part(addresses=("10.8.0.1/24", "fd00::1/64"), forward=True, masquerade=True)
    peer = PeerPart(KEY, ("10.8.0.2/32", "192.168.5.0/24", "fd05::/64", "0.0.0.0/0"))
    assert hooks("wg-0", part, routes_of(part, peer), FOLDER)[0] == (
        "PostUp = echo 1 > /proc/sys/net/ipv4/ip_forward || true"
    )
    assert hooks("wg-0", part, routes_of(part, peer), FOLDER)[2:] == (
        "PostUp = nft -f /etc/wireguard/wg-0.wgpanel.nft || true",
        "PostUp = ip route add 192.168.5.0/24 dev wg-0 proto 87 table main || true",
        "PostUp = ip route add fd05::/64 dev wg-0 proto 87 table main || true",
        "PostDown = nft delete table inet wgpanel_wg-0 || true",
    )
    assert parse(render(make_conf(part, peer))).hooks == hooks(
        "wg0", part, routes_of(part, peer), FOLDER
    )


def test_a_private_key_is_rendered_and_never_shown() -> None:
    conf = make_conf()
    assert OWN_KEY in render(conf)
    assert OWN_KEY not in repr(conf)


hostile = st.one_of(
    st.sampled_from([case["value"] for case in INJECTIONS]),
    st.text(max_size=60),
    st.builds("{}\n{}".format, st.sampled_from(["10.8.0.9/32", "x", OWN_KEY]), st.text(max_size=9)),
    st.sampled_from(["10.8.0.9/32", "[Peer]", "# x", "10.8.0.9/32 # x", "a = b", "\u2028", "\x85"]),
)
FIELDS = ("addresses", "mtu", "fwmark", "table", "hooks", "allowed_ips", "preshared_key", "key")


def with_hostile(field: str, value: str) -> ServerConf:
    """Around the grammar, as only a mistake of our own could bring it."""
    peer: dict[str, Any] = {"public_key": KEY, "allowed_ips": ("10.8.0.2/32",)}
    conf: dict[str, Any] = {"listen_port": 51820, "state": State(EPOCH, 7, "a" * 64)}
    if field in ("allowed_ips", "preshared_key", "key"):
        name = "public_key" if field == "key" else field
        peer[name] = (value,) if field == "allowed_ips" else value
    else:
        conf[field] = (value,) if field in ("addresses", "hooks") else value
    return ServerConf(**conf, peers=(PeerPart(**peer),))


@given(st.sampled_from(FIELDS), hostile)
def test_hostile_text_is_refused_or_comes_back_as_it_was(field: str, value: str) -> None:
    conf = with_hostile(field, value)
    try:
        text = render(conf)
    except BadConf:
        return
    assert parse(text) == conf
    sections = [line.partition("#")[0].strip().lower() for line in text.split("\n")]
    assert sections.count("[interface]") == sections.count("[peer]") == 1


keys = st.sampled_from([KEY, OTHER_KEY])
networks = st.sampled_from(["10.8.0.2/32", "fd00::2/128", "192.168.0.0/16", "fd09::/48"])
parts = st.builds(
    InterfacePart,
    listen_port=st.integers(1, 65535),
    addresses=st.lists(st.sampled_from(["10.8.0.1/24", "fd00::1/64"]), unique=True).map(tuple),
    mtu=st.none() | st.integers(1280, 9000),
    fwmark=st.none() | st.integers(1, 2**32 - 1),
    table=st.sampled_from([None, "auto", "off", 1, 2**31 - 1]),
    forward=st.booleans(),
    masquerade=st.booleans(),
)
peers = st.builds(
    PeerPart,
    public_key=keys,
    allowed_ips=st.lists(networks, unique=True).map(tuple),
    preshared_key=st.none() | st.just(PRESHARED),
    keepalive=st.none() | st.integers(1, 65535),
    expires_at=st.none() | st.integers(0, 10),
)


@given(parts, st.lists(peers, unique_by=lambda it: it.public_key))
def test_every_state_comes_back_as_it_was_written(
    part: InterfacePart, wanted: list[PeerPart]
) -> None:
    conf = make_conf(part, *wanted, now=5)
    assert parse(render(conf)) == conf
