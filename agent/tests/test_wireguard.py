"""Builders and parsers of `wg`: pure, without any interface."""

import pytest
from wgpanel_agent.documents import PeerPart
from wgpanel_agent.host.processes import Outcome
from wgpanel_agent.host.wireguard import (
    NO_PRESHARED_KEY,
    NoSuchInterface,
    Peer,
    WireGuard,
    WireGuardError,
    complaint,
    interface_section,
    parse_dump,
    peer_section,
    removal_words,
)

OWN_SECRET = "4BaULVmixBANbREIkorYceZ4Y5Qe7Pbysp8I6krQL0k="
OWN_KEY = "J25dJebdR+na7Q72fDo/PyVmsx9a2c3bRpZrrpvu2TM="
KEY = "/Ap3XpSpIW7CKYLWpRXY0OHD8uByjgmOU+YWns/p9lE="
PRESHARED = "u5drUhN5vZ6amdqZHuGI4GFCjlJXVCDlFGiF6jwAck0="
SILENT_PEER = f"{KEY}\t(none)\t(none)\t(none)\t0\t0\t0\toff"
BUSY_PEER = (
    f"{KEY}\t{PRESHARED}\t[2001:db8::1]:5\t10.0.0.2/32,fd00::2/128\t1777881600\t4294967301\t7\t25"
)
INTERFACE = f"{OWN_SECRET}\t{OWN_KEY}\t51820\toff"


def fingerprint(public_key: str, preshared_key: str) -> str:
    return f"print of {preshared_key[:3]}"


async def parse(*lines: str, name: str = "") -> Peer:
    return next(iter((await parse_dump("\n".join(lines), fingerprint, name))["wg0"].peers.values()))


async def test_sentinels_become_none() -> None:
    assert await parse(INTERFACE, SILENT_PEER, name="wg0") == Peer(
        KEY, None, None, "", None, 0, 0, None
    )


async def test_a_busy_peer_is_read_in_full() -> None:
    peer = await parse(INTERFACE, BUSY_PEER, name="wg0")
    assert peer.endpoint == "[2001:db8::1]:5"
    assert peer.networks == ["10.0.0.2/32", "fd00::2/128"]
    assert (peer.last_handshake, peer.rx_bytes, peer.tx_bytes) == (1777881600, 4294967301, 7)
    assert (peer.keepalive, peer.fingerprint) == (25, "print of u5d")


async def test_both_forms_of_a_dump_say_the_same() -> None:
    alone = await parse_dump(f"{INTERFACE}\n{BUSY_PEER}\n", fingerprint, "wg0")
    among = await parse_dump(f"wg0\t{INTERFACE}\nwg0\t{BUSY_PEER}\n", fingerprint)
    assert alone == among


async def test_no_secret_survives_parsing() -> None:
    found = await parse_dump(f"wg0\t{INTERFACE}\nwg0\t{BUSY_PEER}\n", fingerprint)
    assert OWN_SECRET not in repr(found)
    assert PRESHARED not in repr(found)
    assert found["wg0"].public_key == OWN_KEY


async def test_an_interface_without_key_port_or_mark_has_none() -> None:
    found = await parse_dump("wg0\t(none)\t(none)\t0\t0x7\n", fingerprint)
    wg0 = found["wg0"]
    assert (wg0.public_key, wg0.listen_port, wg0.fwmark) == (None, None, 7)


async def test_interfaces_are_kept_apart() -> None:
    text = f"wg0\t{INTERFACE}\nwg0\t{SILENT_PEER}\nwg1\t{INTERFACE}\n"
    found = await parse_dump(text, fingerprint)
    assert {name: len(it.peers) for name, it in found.items()} == {"wg0": 1, "wg1": 0}


@pytest.mark.parametrize("line", ["x", f"wg9\t{SILENT_PEER}", f"wg0\t{SILENT_PEER}\tmore"])
async def test_a_line_of_another_form_is_an_error_that_quotes_nothing(line: str) -> None:
    with pytest.raises(WireGuardError) as error:
        await parse_dump(f"wg0\t{INTERFACE}\n{line}\n", fingerprint)
    assert KEY not in str(error.value)


async def test_nothing_is_no_interface() -> None:
    assert await parse_dump("", fingerprint) == {}


def test_a_section_clears_what_the_peer_does_not_have() -> None:
    assert peer_section(PeerPart(KEY, ("10.0.0.2/32",))).splitlines() == [
        "[Peer]",
        f"PublicKey = {KEY}",
        f"PresharedKey = {NO_PRESHARED_KEY}",
        "PersistentKeepalive = off",
        "AllowedIPs = 10.0.0.2/32",
    ]


@pytest.mark.parametrize(
    "text", ["10.0.0.2/32\nPostUp = id", "10.0.0.2/32\rx", "10.0.0.2/32\u2028"]
)
def test_a_value_that_went_around_the_grammar_is_never_rendered(text: str) -> None:
    with pytest.raises(WireGuardError):
        peer_section(PeerPart(KEY, (text,)))


def test_an_interface_section_always_has_key_port_and_mark() -> None:
    assert interface_section(OWN_SECRET, 51820, None).splitlines() == [
        "[Interface]",
        f"PrivateKey = {OWN_SECRET}",
        "ListenPort = 51820",
        "FwMark = off",
    ]


def test_several_peers_are_removed_by_one_command() -> None:
    words = removal_words("wg0", [KEY, OWN_KEY])
    assert words == ["wg", "set", "wg0", "peer", KEY, "remove", "peer", OWN_KEY, "remove"]


def test_a_complaint_never_quotes_a_value() -> None:
    outcome = Outcome(1, b"", f"x\nKey is not the correct length or format: `{PRESHARED}'".encode())
    assert complaint(outcome) == "Key is not the correct length or format: (value)"


def test_a_silent_failure_tells_its_exit_code() -> None:
    assert complaint(Outcome(-9, b"", b"")) == "exit code -9"


def test_an_outcome_never_shows_its_output() -> None:
    assert PRESHARED not in repr(Outcome(0, PRESHARED.encode(), b""))


def pretend(monkeypatch: pytest.MonkeyPatch, outcome: Outcome) -> WireGuard:
    async def run(*_: object, **__: object) -> Outcome:
        return outcome

    monkeypatch.setattr("wgpanel_agent.host.wireguard.run", run)
    return WireGuard(fingerprint)


async def test_what_one_interface_refuses_does_not_hide_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    complaint = b"Unable to access interface wg1: Operation not permitted\n"
    text = f"wg0\t{INTERFACE}\nwg0\t{SILENT_PEER}\n".encode()
    look = await pretend(monkeypatch, Outcome(1, text, complaint)).look_at_all()
    assert list(look.interfaces) == ["wg0"]
    assert look.unreadable == {"wg1": "Operation not permitted"}


async def test_a_failure_of_wg_is_an_error_without_values(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = pretend(monkeypatch, Outcome(1, b"", b"Unknown: `secret'\n"))
    with pytest.raises(WireGuardError, match=r"^Unknown: \(value\)$"):
        await broken.look_at_all()


@pytest.mark.parametrize(
    "said", ["No such device", "Operation not supported", "Protocol not supported"]
)
async def test_an_interface_that_is_not_there_is_told_apart(
    said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = pretend(monkeypatch, Outcome(1, b"", f"Unable to access interface: {said}\n".encode()))
    with pytest.raises(NoSuchInterface):
        await gone.look_at("wg0")
