"""What has to change: the least, and never by accident."""

from typing import Any

import pytest
from wgpanel_agent.desired.plans import (
    AddressTaken,
    Settings,
    ShrinkGuard,
    desired_settings,
    is_as_desired,
    plan_changes,
    plan_document,
    refuse_shrinking,
    refuse_taken_addresses,
)
from wgpanel_agent.documents import InterfacePart, InvalidDocument, PeerPart
from wgpanel_agent.host.wireguard import Peer, Running


def fingerprint(public_key: str, preshared_key: str) -> str:
    return f"print of {preshared_key}"


def make_part(key: str = "a", **fields: Any) -> PeerPart:
    return PeerPart(**{"public_key": key, "allowed_ips": ("10.0.0.2/32",)} | fields)


def make_peer(key: str = "a", **fields: Any) -> Peer:
    return Peer(key, None, None, "10.0.0.2/32", None, 0, 0, None)._replace(**fields)


@pytest.mark.parametrize(
    ("running", "desired", "same"),
    [
        (None, {}, False),
        ({}, {}, True),
        ({"endpoint": "192.0.2.1:5", "last_handshake": 7, "rx_bytes": 1}, {}, True),
        ({"keepalive": 25}, {}, False),
        ({"keepalive": 25}, {"keepalive": 25}, True),
        ({"fingerprint": "print of x"}, {}, False),
        ({"fingerprint": "print of x"}, {"preshared_key": "x"}, True),
        ({"fingerprint": "print of x"}, {"preshared_key": "y"}, False),
        ({}, {"preshared_key": "x"}, False),
        ({"allowed_ips": ""}, {}, False),
        ({"allowed_ips": ""}, {"allowed_ips": ()}, True),
        ({"allowed_ips": "b,a"}, {"allowed_ips": ("a", "b")}, True),
    ],
)
def test_a_peer_is_as_desired(running: Any, desired: Any, same: bool) -> None:
    peer = None if running is None else make_peer(**running)
    assert is_as_desired(peer, make_part(**desired), fingerprint) is same


async def test_a_batch_writes_only_what_is_wrong() -> None:
    running = {"same": make_peer("same"), "gone": make_peer("gone")}
    wanted = [make_part("same"), make_part("new", allowed_ips=("10.0.0.9/32",))]
    plan = await plan_changes(running, wanted, ["gone", "never", "gone"], fingerprint)
    assert [peer.public_key for peer in plan.upserts] == ["new"]
    assert plan.removals == ("gone",)
    assert (plan.added, plan.unchanged) == (1, 1)


async def test_a_document_removes_whoever_it_does_not_name() -> None:
    running = {"a": make_peer("a"), "b": make_peer("b")}
    plan = await plan_document(running, [make_part("a")], fingerprint)
    assert plan.removals == ("b",)
    assert not await plan_document({"a": make_peer("a")}, [make_part("a")], fingerprint)


async def test_an_address_is_free_when_its_holder_lets_go_in_the_same_plan() -> None:
    running = {"a": make_peer("a")}
    taking = [make_part("b")]
    with pytest.raises(AddressTaken):
        await refuse_taken_addresses(running, await plan_changes(running, taking, [], fingerprint))
    removed = await plan_changes(running, taking, ["a"], fingerprint)
    await refuse_taken_addresses(running, removed)
    assert removed.touched == {"a", "b"}


@pytest.mark.parametrize(
    ("removals", "peers", "confirmed", "allowed"),
    [
        (10, 10, None, True),
        (11, 20, None, False),
        (11, 55, None, True),
        (40, 200, None, True),
        (41, 200, None, False),
        (41, 200, 41, True),
        (41, 200, 40, False),
        (180, 200, 180, True),
        (0, 0, None, True),
    ],
)
def test_shrinking_needs_the_exact_number(
    removals: int, peers: int, confirmed: int | None, allowed: bool
) -> None:
    if allowed:
        assert refuse_shrinking(removals, peers, confirmed) is None
        return
    with pytest.raises(ShrinkGuard) as refusal:
        refuse_shrinking(removals, peers, confirmed)
    assert refusal.value.extra == {"removals": removals, "peers": peers}


def test_settings_stay_where_the_document_says_nothing() -> None:
    running = Running("wg0", "key", 51820, 7)
    assert desired_settings(running, None).hold(running)
    assert not desired_settings(running, InterfacePart(51820)).hold(running)
    assert desired_settings(running, InterfacePart(51820, fwmark=7)).hold(running)


def test_an_interface_without_a_key_or_with_another_is_not_as_desired() -> None:
    wanted = Settings("key", 51820, None)
    assert not wanted.hold(Running("wg0", None, 51820, None))
    assert not wanted.hold(Running("wg0", "other", 51820, None))
    assert Settings(None, 51820, None).hold(Running("wg0", "restored", 51820, None))


def test_a_port_is_never_left_to_chance() -> None:
    with pytest.raises(InvalidDocument, match="listen_port"):
        desired_settings(Running("wg0", "key", None, None), None)
