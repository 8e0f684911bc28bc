"""What is known of one interface, as whole looks and read-backs arrive in any order."""

from typing import Any

import pytest
from wgpanel_agent.host.wireguard import Peer, Running
from wgpanel_agent.reporting.states import InterfaceState

NOW = 1_777_888_800  # 2026-05-04T10:00:00Z
ACTIVE_SINCE = NOW - 180


def make_peer(key: str, **fields: Any) -> Peer:
    return Peer(key, None, None, "10.0.0.2/32", None, 0, 0, None)._replace(**fields)


def make_running(*peers: Peer) -> Running:
    return Running("wg0", "own", 51820, None, {peer.public_key: peer for peer in peers})


async def make_state(*peers: Peer, looked_at: float = 10.0) -> InterfaceState:
    state = InterfaceState("wg0", is_managed=True)
    await state.absorb(make_running(*peers), looked_at, ACTIVE_SINCE)
    return state


async def test_only_a_recent_handshake_makes_a_peer_active() -> None:
    never, old = make_peer("never"), make_peer("old", last_handshake=1_777_881_600)
    live = make_peer("live", last_handshake=NOW - 40)
    state = await make_state(never, old, live)
    assert (state.report().peer_count, state.report().active_peers) == (3, 1)


@pytest.mark.parametrize(("age", "active"), [(179, 1), (180, 0), (181, 0), (-5, 1)])
async def test_active_means_younger_than_three_minutes(age: int, active: int) -> None:
    state = await make_state(make_peer("a", last_handshake=NOW - age))
    assert state.totals.active_peers == active


async def test_bytes_are_summed_without_rounding() -> None:
    state = await make_state(make_peer("a", rx_bytes=2**32 + 5), make_peer("b", rx_bytes=2**62))
    assert state.report().total_rx_bytes == 2**62 + 2**32 + 5


async def test_an_older_look_is_left_aside() -> None:
    state = await make_state(make_peer("new"), looked_at=10)
    await state.absorb(make_running(make_peer("old")), 9, ACTIVE_SINCE)
    assert list(state.peers) == ["new"]


async def test_what_was_read_back_outlives_a_look_that_began_before() -> None:
    state = await make_state(make_peer("gone"), looked_at=10)
    state.read_back({"added": make_peer("added"), "gone": None}, at=12)
    await state.absorb(make_running(make_peer("gone")), 11, ACTIVE_SINCE)
    assert list(state.peers) == ["added"]


async def test_a_look_that_began_later_knows_better() -> None:
    state = await make_state(looked_at=10)
    state.read_back({"added": make_peer("added")}, at=12)
    await state.absorb(make_running(), 13, ACTIVE_SINCE)
    assert list(state.peers) == []
    assert state.touched == {}


async def test_a_number_from_another_start_gets_everything() -> None:
    state = await make_state(make_peer("a"))
    assert state.changed_since(None) is None
    assert state.changed_since(0) is None
    assert state.changed_since(state.sequence + 1) is None
    assert state.changed_since(state.sequence) == []


async def test_counters_and_handshakes_count_as_change() -> None:
    state = await make_state(make_peer("a"), make_peer("b"), make_peer("c"))
    seen = state.sequence
    news = (make_peer("a", rx_bytes=1), make_peer("b", last_handshake=NOW), make_peer("c"))
    await state.absorb(make_running(*news), 11, ACTIVE_SINCE)
    assert state.changed_since(seen) == ["a", "b"]


async def test_an_interface_that_was_away_is_told_whole() -> None:
    state = await make_state(make_peer("a"))
    seen = state.sequence
    state.lose(11)
    assert (state.status, state.report().peer_count) == ("down", 0)
    await state.absorb(make_running(make_peer("a")), 12, ACTIVE_SINCE)
    assert state.changed_since(seen) is None


async def test_a_problem_shows_until_the_next_good_look() -> None:
    state = await make_state(make_peer("a"))
    state.problem = "no answer"
    assert (state.status, state.report().peer_count) == ("error", 1)
    await state.absorb(make_running(make_peer("a")), 11, ACTIVE_SINCE)
    assert state.problem is None


async def test_an_unchanged_peer_is_kept_once() -> None:
    first, again = make_peer("a"), make_peer("a")
    state = await make_state(first)
    await state.absorb(make_running(again), 11, ACTIVE_SINCE)
    assert state.peers["a"] is first
