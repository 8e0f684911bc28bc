"""Reading /etc/wireguard/<iface>.conf: files of the agent, of operators, and broken ones."""

from typing import Any

import pytest
from wgpanel_agent.documents import PeerPart, State
from wgpanel_agent.files.serverconf import BadConf, ServerConf, parse, written_state

OWN_KEY = "4BaULVmixBANbREIkorYceZ4Y5Qe7Pbysp8I6krQL0k="
KEY = "/Ap3XpSpIW7CKYLWpRXY0OHD8uByjgmOU+YWns/p9lE="
OTHER_KEY = "J25dJebdR+na7Q72fDo/PyVmsx9a2c3bRpZrrpvu2TM="
STATE = State("3f0c8a52-6f0e-4f0a-9f57-0a4d3b7f1c11", 7, "a" * 64)
MARK = f"# wgpanel {STATE.epoch}:7:{STATE.hash}"
POLICY = f"""[Interface]
PrivateKey = {OWN_KEY}
Address = 192.0.2.1/24, fd00::1/64
ListenPort = 51833
FwMark = 0xca6c
Table = off
MTU = 1412

[Peer]
PublicKey = {KEY}
AllowedIPs = 192.0.2.2/32, 198.51.100.7/24
"""


def test_an_operators_file_is_read_as_wg_quick_would() -> None:
    conf = parse(POLICY)
    assert conf.addresses == ("192.0.2.1/24", "fd00::1/64")
    assert (conf.listen_port, conf.fwmark, conf.table, conf.mtu) == (51833, 51820, "off", 1412)
    assert conf.peers == (PeerPart(KEY, ("192.0.2.2/32", "198.51.100.0/24")),)
    assert conf.state is None


def test_case_blanks_comments_and_line_ends_do_not_matter() -> None:
    untidy = POLICY.replace(" = ", "\t=").replace("\n", "  # mine\r\n").replace("Listen", "lISTEN")
    assert parse(untidy) == parse(POLICY)


def test_a_file_of_ours_tells_its_state_and_the_table_that_was_meant() -> None:
    text = f"{MARK}\n# wgpanel-table 51821\n{POLICY}"
    assert written_state(text) == STATE
    assert (parse(text).state, parse(text).table) == (STATE, 51821)


@pytest.mark.parametrize(
    ("mark", "table"),
    [("# wgpanel-table default", None), ("# wgpanel-table auto", "auto"), ("# x", "off")],
)
def test_each_table_is_told_apart(mark: str, table: str | None) -> None:
    assert parse(f"{MARK}\n{mark}\n{POLICY}").table == table


def test_a_table_set_by_hand_in_a_file_of_ours_is_seen() -> None:
    edited = POLICY.replace("Table = off", "Table = 5")
    assert parse(f"{MARK}\n# wgpanel-table default\n{edited}").table == 5


def test_hooks_are_told_in_their_order_and_left_as_they_are() -> None:
    lines = ("PreUp = touch a-%i", "PostUp = iptables -A FORWARD -i %i -j ACCEPT", "PostUp = b")
    conf = parse(POLICY.replace("[Interface]", "\n".join(("[Interface]", *lines))))
    assert conf.hooks == lines


def test_what_means_nothing_to_the_agent_is_named_only() -> None:
    conf = parse(POLICY.replace("MTU = 1412", "MTU =\nDNS = 192.0.2.53\nSaveConfig = true"))
    assert (conf.mtu, conf.others) == (None, ("mtu", "dns", "saveconfig"))


def test_a_preshared_key_of_zeros_and_an_off_are_nothing() -> None:
    zero = "A" * 43 + "="
    conf = parse(f"{POLICY}PresharedKey = {zero}\nPersistentKeepalive = off\n")
    assert (conf.peers[0].preshared_key, conf.peers[0].keepalive) == (None, None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "there is no [Interface]"),
        (f"[Peer]\nPublicKey = {KEY}\n", "there is no [Interface]"),
        (f"{POLICY}[Interface]\n", "line 12: is a second [Interface]"),
        ("[Interfaces]\n", "line 1: is an unknown section"),
        ("ListenPort = 1\n", "line 1: has a name that does not belong there"),
        ("[Interface]\nPublicKey = x\n", "line 2: has a name that does not belong there"),
        (f"{POLICY}PostUp = id\n", "line 12: has a name that does not belong there"),
        ("[Interface]\nsecret\n", "line 2: is not a name and a value"),
        ("[Interface]\n[Peer]\nAllowedIPs = 10.0.0.2/32", "ends a peer without a key"),
        ("[Interface]\nFwMark = 0x100000000", "line 2: fwmark"),
        ("[Interface]\nFwMark = -1", "line 2: fwmark"),
        ("[Interface]\nMTU = 1٣00", "line 2: mtu"),
        ("[Interface]\nAddress = fe80::1%a/64", "line 2: address"),
        (f"{MARK}\n# wgpanel-table x\n{POLICY}", "line 1: table"),
    ],
)
def test_anything_else_is_refused_with_its_line(text: str, words: str) -> None:
    with pytest.raises(BadConf) as refused:
        parse(text)
    assert words in str(refused.value)


@pytest.mark.parametrize("name", ["PrivateKey", "PresharedKey"])
def test_a_refusal_never_repeats_a_secret(name: str) -> None:
    secret = OWN_KEY[:-2] + "x="
    with pytest.raises(BadConf) as refused:
        parse(f"[Interface]\n[Peer]\n{name} = {secret}\n")
    assert secret not in str(refused.value)


@pytest.mark.parametrize("first", ["", "# wgpanel", f"{MARK}x", f" {MARK}", MARK.upper()])
def test_any_other_first_line_is_not_ours(first: str) -> None:
    assert written_state(f"{first}\n{POLICY}") is None


def test_no_secret_is_in_the_representation() -> None:
    conf: Any = parse(f"{POLICY}PresharedKey = {OTHER_KEY}\n")
    assert isinstance(conf, ServerConf)
    assert OWN_KEY not in repr(conf)
    assert OTHER_KEY not in repr(conf)
