"""What was changed behind the agent's back, or expired, or was never finished, is put right."""

import asyncio
import signal
import time
from dataclasses import replace
from typing import Any

import pytest
from wgpanel_agent.documents import InterfacePart
from wgpanel_agent.host.wireguard import WireGuard

PART = InterfacePart(51820, ("10.9.0.1/16",))


async def repair(panel: Any) -> None:
    """As the loop does, on a fresh look."""
    await panel.agent.sampler.look()
    await panel.agent.repairer.repair_all()


async def items(panel: Any) -> list[tuple[Any, ...]]:
    told = await panel.look()
    return [(it["kind"], it["public_key"], it["field"]) for it in told["drift"]]


async def test_hand_edits_are_undone(panel: Any, box: Any, many: Any, make_peer: Any) -> None:
    before = box.peers()
    box.add_peers([make_peer()])
    box.run("wg", "set", "wg0", "peer", many[0].public_key, "remove")
    box.run("wg", "set", "wg0", "peer", many[1].public_key, "persistent-keepalive", "9")
    box.run("wg", "set", "wg0", "peer", many[2].public_key, "allowed-ips", "10.9.77.7/32")
    await repair(panel)
    assert box.peers() == before
    assert (await panel.look())["condition"] == "in_sync"


async def test_a_key_port_or_mark_set_by_hand_is_set_back(
    panel: Any, box: Any, many: Any, tmp_path: Any
) -> None:
    before = box.settings()
    other = tmp_path / "key"
    other.write_text(box.run("wg", "genkey"))
    box.run("wg", "set", "wg0", "private-key", str(other), "listen-port", "5", "fwmark", "3")
    await repair(panel)
    assert box.settings() == before
    assert len(box.peers()) == len(many)


@pytest.mark.parametrize("policy", ["alert", "observe"])
async def test_by_other_policies_they_are_only_told(
    policy: str, panel: Any, box: Any, many: Any, make_peer: Any
) -> None:
    panel.part = replace(PART, policy=policy)
    await panel.add()
    foreign = make_peer()
    box.add_peers([foreign])
    box.run("wg", "set", "wg0", "peer", many[0].public_key, "remove")
    box.run("wg", "set", "wg0", "peer", many[1].public_key, "persistent-keepalive", "9")
    before = box.peers()
    await repair(panel)
    assert box.peers() == before
    assert sorted(await items(panel)) == sorted(
        [
            ("unknown", foreign.public_key, None),
            ("missing", many[0].public_key, None),
            ("mismatched", many[1].public_key, "keepalive"),
        ]
    )
    report = panel.agent.report().wireguard.interfaces["wg0"]
    assert (report.condition, report.drift) == ("drifted", 3)


async def test_an_address_taken_away_comes_back(panel: Any, box: Any, many: Any) -> None:
    box.run("ip", "address", "del", "10.9.0.1/16", "dev", "wg0")
    await repair(panel)
    assert "10.9.0.1/16" in box.run("ip", "address", "show", "dev", "wg0")


async def test_a_link_set_down_comes_up(panel: Any, box: Any, many: Any) -> None:
    box.run("ip", "link", "set", "wg0", "down")
    await repair(panel)
    await panel.agent.sampler.look()
    assert panel.agent.sampler.interfaces["wg0"].status == "up"


async def test_a_deleted_interface_is_made_again_as_it_was(panel: Any, box: Any, many: Any) -> None:
    settings, peers = box.settings(), box.peers()
    box.remove_interface("wg0")
    await repair(panel)
    assert box.settings() == settings
    assert box.peers() == peers


async def test_a_delta_brings_up_what_was_deleted(
    panel: Any, box: Any, many: Any, make_peer: Any
) -> None:
    settings = box.settings()
    box.remove_interface("wg0")
    await panel.agent.sampler.look()
    assert (await panel.change(make_peer()))[0] == 200
    assert box.settings() == settings
    assert box.peers().keys() == panel.peers.keys()


async def test_a_restart_by_wg_quick_with_an_old_file_is_put_right(
    panel: Any, box: Any, many: Any, make_peer: Any
) -> None:
    await panel.agent.files.write("wg0")
    old = (box.configs / "wg0.conf").read_bytes()
    await panel.change(make_peer(), remove=(many[0].public_key,))
    box.remove_interface("wg0")
    (box.configs / "wg0.conf").write_bytes(old)
    box.run("wg-quick", "up", "wg0")
    assert box.peers().keys() != panel.peers.keys()
    await repair(panel)
    assert box.peers().keys() == panel.peers.keys()


@pytest.mark.parametrize("policy", ["enforce", "observe"])
async def test_a_peer_goes_when_its_time_is_up_whatever_the_policy(
    policy: str, panel: Any, box: Any, make_peer: Any
) -> None:
    panel.part = replace(PART, policy=policy)
    brief, stays = make_peer(expires_at=int(panel.now) + 60), make_peer()
    await panel.add(brief, stays)
    assert len(box.peers()) == 2
    panel.now += 60
    await repair(panel)
    assert list(box.peers()) == [stays.public_key]
    assert (await panel.look())["condition"] == "in_sync"
    assert len(panel.store.peers("wg0")) == 2


@pytest.mark.parametrize("act", ["add", "change"])
async def test_a_peer_that_has_expired_never_comes_on(
    act: str, panel: Any, box: Any, many: Any, make_peer: Any
) -> None:
    expired = make_peer(expires_at=int(panel.now))
    assert (await getattr(panel, act)(expired))[0] == 200
    renewed = replace(many[0], expires_at=int(panel.now) - 1)
    assert (await getattr(panel, act)(renewed))[0] == 200
    assert box.peers().keys() == {peer.public_key for peer in many[1:]}
    await repair(panel)
    assert (await panel.look())["condition"] == "in_sync"


async def test_the_loop_wakes_in_the_second_of_an_expiry(
    panel: Any, box: Any, make_peer: Any
) -> None:
    """The next look would be a long time away."""
    panel.agent.repairer._seconds = 3600.0
    began_at, start = time.monotonic(), panel.now
    panel.agent.desired._convergence.clock = lambda: start + time.monotonic() - began_at
    await panel.add(make_peer())
    loop = asyncio.create_task(panel.agent.repairer.run())
    await asyncio.sleep(0)  # it waits already
    await panel.change(make_peer(expires_at=int(start) + 2))
    while len(box.peers()) > 1:
        assert time.monotonic() < began_at + 20
        await asyncio.sleep(0.05)
    loop.cancel()
    assert time.monotonic() - began_at >= 1


async def test_what_was_committed_and_not_applied_is_finished_at_the_start(
    panel: Any, box: Any, many: Any, make_peer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under a policy that repairs nothing else."""
    panel.part = replace(PART, policy="observe")
    await panel.add()

    async def die(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as killed:
        killed.setattr(WireGuard, "add", die)
        with pytest.raises(asyncio.CancelledError):
            await panel.change(make_peer())
    assert len(box.peers()) == len(many)
    await panel.restart()
    assert box.peers().keys() == panel.peers.keys()
    assert panel.store.interface("wg0").is_applied


async def test_an_interface_that_hangs_is_no_agreement(panel: Any, box: Any, many: Any) -> None:
    object.__setattr__(panel.agent.applier.wireguard, "read_timeout", 0.2)
    box.children["wg0"].send_signal(signal.SIGSTOP)
    await repair(panel)
    told = await panel.look()
    box.children["wg0"].send_signal(signal.SIGCONT)
    assert told["condition"] == "drifted"
    assert told["drift"][0]["observed"] == "error"
    await repair(panel)
    assert (await panel.look())["condition"] == "in_sync"


async def test_what_was_taken_down_on_purpose_stays_down(
    panel: Any, box: Any, many: Any, make_peer: Any
) -> None:
    await panel.agent.links.down("wg0")
    await repair(panel)
    status, body = await panel.change(make_peer())
    assert (status, body["condition"], body["generation"]) == (200, "drifted", 2)
    await repair(panel)
    assert panel.agent.sampler.interfaces["wg0"].status == "down"
    assert await items(panel) == [("interface", None, "status")]
    await panel.agent.links.up("wg0")
    await repair(panel)
    assert box.peers().keys() == panel.peers.keys()
    assert panel.store.interface("wg0").is_applied
