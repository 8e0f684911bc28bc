"""The sampler on real WireGuard: what it sees, and what it keeps when it cannot see."""

import asyncio
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from wgpanel_agent.desired.apply import Applier
from wgpanel_agent.host.system import Machine
from wgpanel_agent.host.wireguard import WireGuard
from wgpanel_agent.reporting.snapshot import Pace, Sampler
from wgpanel_agent.reporting.states import InterfaceState


@pytest.fixture
def impatient(wireguard: WireGuard) -> Sampler:
    """Waits for `wg` a fifth of a second only, and manages two interfaces."""
    quick = WireGuard(wireguard.fingerprint, read_timeout=0.2)
    return Sampler(quick, Machine(), ("wg0", "wg1"), Pace())


@pytest.fixture
def hung(box: Any) -> Iterator[Any]:
    """Stops the process behind an interface, for as long as the test runs."""
    stopped = []

    def hang(name: str) -> None:
        stopped.append(box.children[name])
        stopped[-1].send_signal(signal.SIGSTOP)

    yield hang
    for child in stopped:
        child.send_signal(signal.SIGCONT)


def state_of(sampler: Sampler, name: str = "wg0") -> InterfaceState:
    return sampler.interfaces[name]


async def test_interfaces_of_others_are_seen_and_told_apart(box: Any, sampler: Sampler) -> None:
    box.add_interface("wg9", 51900)
    await sampler.look()
    told = {name: (it.status, it.is_managed) for name, it in sampler.interfaces.items()}
    assert told == {"wg0": ("up", True), "wg9": ("up", False)}
    assert sampler.problems == []


async def test_a_report_tells_key_port_and_link(box: Any, sampler: Sampler) -> None:
    box.run("ip", "address", "add", "10.9.0.1/16", "dev", "wg0")
    await sampler.look()
    report, link = state_of(sampler).report(), state_of(sampler).link
    assert (report.public_key, report.listen_port) == (box.settings()[1], 51820)
    assert link is not None
    assert link.mtu == 1420
    assert "10.9.0.1/16" in link.addresses


async def test_a_managed_interface_that_is_not_there_is_down(box: Any, impatient: Sampler) -> None:
    await impatient.look()
    assert (state_of(impatient).status, state_of(impatient, "wg1").status) == ("up", "down")
    assert impatient.problems == ["wg1 is down: not running"]


async def test_an_interface_whose_link_is_off_is_down(box: Any, sampler: Sampler) -> None:
    box.run("ip", "link", "set", "wg0", "down")
    await sampler.look()
    assert state_of(sampler).status == "down"


async def test_an_interface_that_goes_takes_its_peers_along(
    box: Any, make_peer: Any, sampler: Sampler
) -> None:
    box.add_peers([make_peer()])
    await sampler.look()
    box.remove_interface("wg0")
    await sampler.look()
    assert (state_of(sampler).status, len(state_of(sampler).peers)) == ("down", 0)


async def test_an_interface_of_others_that_goes_is_forgotten(box: Any, sampler: Sampler) -> None:
    box.add_interface("wg9", 51900)
    await sampler.look()
    box.remove_interface("wg9")
    await sampler.look()
    assert list(sampler.interfaces) == ["wg0"]


async def test_a_hung_interface_keeps_its_data_and_hides_no_other(
    box: Any, make_peer: Any, impatient: Sampler, hung: Any
) -> None:
    box.add_interface("wg1", 51821)
    box.add_peers([make_peer()], "wg0")
    await impatient.look()
    seen_at = state_of(impatient).looked_at
    hung("wg0")
    box.add_peers([make_peer(), make_peer()], "wg1")
    await impatient.look()
    assert (state_of(impatient).status, len(state_of(impatient).peers)) == ("error", 1)
    assert (state_of(impatient, "wg1").status, len(state_of(impatient, "wg1").peers)) == ("up", 2)
    assert state_of(impatient).looked_at == seen_at
    assert impatient.problems == ["wg0 is error: wg show wg0: no answer within 0.2 s"]


async def test_an_interface_that_answers_again_is_up(
    box: Any, impatient: Sampler, hung: Any
) -> None:
    hung("wg0")
    await impatient.look()
    assert state_of(impatient).status == "error"
    box.children["wg0"].send_signal(signal.SIGCONT)
    await impatient.look()
    assert state_of(impatient).status == "up"


async def test_the_age_grows_while_looks_fail(box: Any, sampler: Sampler) -> None:
    assert sampler.age() is None
    await sampler.look()
    now = time.monotonic()
    sampler.now = lambda: now + 20.1
    assert sampler.age() == pytest.approx(20.1, abs=0.5)
    assert sampler.problems == ["wg0 was not looked at in time"]


async def test_a_handshake_makes_a_peer_active_and_time_makes_it_idle(
    box: Any, make_peer: Any, sampler: Sampler, applier: Applier
) -> None:
    await sampler.look()
    await applier.change("wg0", [make_peer(public_key=box.add_client(0)), make_peer()])
    async with asyncio.timeout(20):
        while not state_of(sampler).totals.active_peers:
            await asyncio.sleep(0.1)
            await sampler.look()
    report = state_of(sampler).report()
    assert (report.peer_count, report.active_peers) == (2, 1)
    assert report.total_rx_bytes > 0
    silent = [peer for peer in state_of(sampler).peers.values() if peer.last_handshake is None]
    assert len(silent) == 1


async def test_only_what_changed_is_told_again(
    box: Any, make_peer: Any, sampler: Sampler, applier: Applier
) -> None:
    first, second = make_peer(), make_peer()
    await sampler.look()
    await applier.change("wg0", [first, second])
    seen = state_of(sampler).sequence
    await sampler.look()
    assert state_of(sampler).changed_since(seen) == []
    box.run("wg", "set", "wg0", "peer", second.public_key, "persistent-keepalive", "7")
    await sampler.look()
    assert state_of(sampler).changed_since(seen) == [second.public_key]


async def test_a_removal_makes_everything_be_told_again(
    box: Any, make_peer: Any, sampler: Sampler
) -> None:
    peers = [make_peer(), make_peer()]
    box.add_peers(peers)
    await sampler.look()
    seen = state_of(sampler).sequence
    box.run("wg", "set", "wg0", "peer", peers[0].public_key, "remove")
    await sampler.look()
    assert state_of(sampler).changed_since(seen) is None


async def test_who_asks_together_shares_one_look(
    box: Any, sampler: Sampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, look_at_all = [], WireGuard.look_at_all

    async def counted(self: WireGuard) -> Any:
        looks.append(1)
        return await look_at_all(self)

    monkeypatch.setattr(WireGuard, "look_at_all", counted)
    await asyncio.gather(*(sampler.look() for _ in range(10)))
    assert len(looks) == 2  # the first, and one for all who came while it ran


async def test_others_get_their_turn_while_many_peers_are_read(
    box: Any, make_peer: Any, sampler: Sampler
) -> None:
    """Turns, not time: what holds the loop is never longer than a hundred peers."""
    box.add_peers([make_peer() for _ in range(3_000)])
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    began = turns
    await sampler.look()
    counting.cancel()
    assert len(state_of(sampler).peers) == 3_000
    assert turns - began >= 60  # thirty slices to parse, thirty to compare


async def test_it_samples_by_itself(box: Any, wireguard: WireGuard) -> None:
    sampler = Sampler(wireguard, Machine(), ("wg0",), Pace(look=0.1))
    running = asyncio.create_task(sampler.run())
    async with asyncio.timeout(10):
        while sampler.system.cpu_percent is None or sampler.problems:
            await asyncio.sleep(0.05)
    box.run("wg", "set", "wg0", "listen-port", "51999")
    async with asyncio.timeout(10):
        while state_of(sampler).report().listen_port != 51999:
            await asyncio.sleep(0.05)
    running.cancel()
    assert sampler.system.memory is not None


async def test_by_itself_it_does_not_look_while_an_interface_is_written(
    box: Any, wireguard: WireGuard
) -> None:
    sampler = Sampler(wireguard, Machine(), ("wg0",), Pace(look=60))
    with sampler.quiet():
        running = asyncio.create_task(sampler.run())
        await asyncio.sleep(0.3)
        assert state_of(sampler).looked_at is None
    async with asyncio.timeout(10):
        while state_of(sampler).status != "up":
            await asyncio.sleep(0.05)
    running.cancel()
    assert state_of(sampler).looked_at is not None


async def test_a_long_write_does_not_hide_the_node(box: Any, wireguard: WireGuard) -> None:
    sampler = Sampler(wireguard, Machine(), ("wg0",), Pace(look=0.1))
    with sampler.quiet():
        running = asyncio.create_task(sampler.run())
        async with asyncio.timeout(10):
            while state_of(sampler).status != "up":
                await asyncio.sleep(0.05)
        first = state_of(sampler).looked_at
        async with asyncio.timeout(10):
            while state_of(sampler).looked_at == first:
                await asyncio.sleep(0.05)
        assert sampler.problems == []
    running.cancel()
