"""What nodes say, as sides of a comparison."""

import pytest

from nodes.calling.exchange import AgentError
from reconcile.checks import sides
from reconcile.checks.drift import PeerView, View

WG0 = {
    "status": "up",
    "listen_port": 51820,
    "addresses": ["10.0.0.1/24", "fd00::1/64"],
    "mtu": 1420,
    "fwmark": None,
    "public_key": "server",
}
PEER = {
    "public_key": "a",
    "allowed_ips": ["10.0.0.2/32"],
    "keepalive": None,
    "preshared_key_fingerprint": "f1",
    "last_handshake": None,
}


def dump(*peers: dict, **fields: object) -> dict:
    return {"interface": {**WG0, **fields}, "peers": list(peers)}


def test_a_dump_is_a_side():
    view = sides.running(dump(PEER))
    assert view.peers == {"a": PeerView(("10.0.0.2/32",), None, "f1")}
    assert view.interface.public_key == "server"


@pytest.mark.parametrize("status", ["down", "error"])
def test_an_interface_that_is_not_up_is_none(status):
    assert sides.running(dump(PEER, status=status)) == View(None)


def test_link_local_addresses_are_the_systems_own():
    view = sides.running(dump(addresses=["10.0.0.1/24", "fe80::1/64"]))
    assert view.interface.addresses == ("10.0.0.1/24",)


def test_a_file_that_is_not_there_is_none():
    assert sides.on_disk({"exists": False, "interface": None, "peers": []}) == View(None)


def test_a_file_has_a_table_and_no_public_key():
    conf = {"interface": {**WG0, "table": "off"}, "peers": [PEER]}
    view = sides.on_disk(conf)
    assert (view.interface.table, view.interface.public_key) == ("off", None)


@pytest.mark.parametrize(("handshake", "is_alive"), [(None, False), (820, False), (821, True)])
def test_a_session_is_alive_for_three_minutes(handshake, is_alive):
    peer = {**PEER, "last_handshake": handshake}
    assert (sides.alive(dump(peer), now=1000.0) == {"a"}) is is_alive


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"interface": None},
        {"interface": [], "peers": []},
        dump({}),
        dump("x"),
        dump(mtu=1) | {"peers": 7},
    ],
)
def test_nonsense_is_refused(told):
    with pytest.raises(AgentError):
        sides.running(told)
