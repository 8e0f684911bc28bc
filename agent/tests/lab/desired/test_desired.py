"""Desired state on real WireGuard: it arrives, and nobody else notices."""

import asyncio
import subprocess
import time
from dataclasses import replace
from typing import Any

import pytest
from wgpanel_agent.api import desired_handlers, handlers
from wgpanel_agent.documents import InterfacePart, PeerPart, State
from wgpanel_agent.host.wireguard import WireGuard, WireGuardError

LIVE = 20


def secret() -> str:
    words = ["wg", "genpsk"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


async def test_the_first_document_takes_the_interface_over_with_its_key(
    panel: Any, box: Any, make_peer: Any
) -> None:
    before = box.settings()
    status, body = await panel.add(make_peer(preshared_key=secret(), keepalive=25), make_peer())
    assert (status, body["added"], body["condition"]) == (201, 2, "in_sync")
    assert body["public_key"] == before[1]
    assert box.settings() == before
    assert panel.store.private_key("wg0") == before[0]
    assert box.peers().keys() == panel.peers.keys()


async def test_the_next_ones_change_only_what_differs(panel: Any, box: Any, make_peer: Any) -> None:
    gone, stays = make_peer(), make_peer()
    await panel.add(gone, stays)
    changed = replace(stays, keepalive=5)
    panel.want(changed, make_peer(), without=(gone.public_key,))
    _, body = await panel.put()
    assert [body[it] for it in ("added", "changed", "removed", "unchanged")] == [1, 1, 1, 0]
    assert box.peers().keys() == panel.peers.keys()
    assert box.peers()[stays.public_key][6] == "5"


async def test_a_delta_adds_changes_and_removes(panel: Any, box: Any, many: Any) -> None:
    changed = replace(many[0], preshared_key=secret())
    status, body = await panel.change(changed, remove=(many[1].public_key,))
    assert (status, body["changed"], body["removed"], body["generation"]) == (200, 1, 1, 2)
    assert box.peers()[changed.public_key][0] == changed.preshared_key
    assert box.peers().keys() == panel.peers.keys()


async def test_an_address_moves_within_one_delta(panel: Any, box: Any, make_peer: Any) -> None:
    first, second = make_peer(), make_peer()
    await panel.add(first, second)
    swapped = (
        replace(first, allowed_ips=second.allowed_ips),
        replace(second, allowed_ips=first.allowed_ips),
    )
    assert (await panel.change(*swapped))[0] == 200
    found = {key: columns[2] for key, columns in box.peers().items()}
    assert found == {peer.public_key: peer.allowed_ips[0] for peer in swapped}


async def test_an_address_of_another_peer_is_not_given_away(
    panel: Any, box: Any, many: Any, make_peer: Any
) -> None:
    status, body = await panel.change(make_peer(allowed_ips=many[7].allowed_ips))
    assert (status, body["error"], body["holder"]) == (409, "address_taken", many[7].public_key)
    assert body["generation"] == 1
    assert len(box.peers()) == len(many)


@pytest.mark.parametrize("act", ["put", "change"])
async def test_an_answer_that_was_lost_is_given_again(
    *, act: str, panel: Any, many: Any, make_peer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, base, peer = panel.node, panel.generation, make_peer()
    await panel.change(peer)
    monkeypatch.setattr(WireGuard, "add", refuse_to_write)
    monkeypatch.setattr(WireGuard, "synchronise", refuse_to_write)
    if act == "put":
        status, body = await panel.put(tag=old.etag)
    else:
        panel.generation = base
        status, body = await panel.change(peer, tag=old.etag)
    assert (status, body["generation"], body["added"]) == (200, 2, 0)
    assert body["condition"] == "in_sync"


async def refuse_to_write(*_: object) -> None:
    raise AssertionError("nothing was to be written")


async def test_a_write_that_failed_is_finished_by_the_same_document(
    panel: Any, box: Any, many: Any, make_peer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = WireGuard.add

    async def fail(*_: object) -> None:
        raise WireGuardError("the disk is on fire")

    monkeypatch.setattr(WireGuard, "add", fail)
    old, peer = panel.node, make_peer()
    status, body = await panel.change(peer)
    assert (status, body["error"]) == (500, "apply_incomplete")
    told = await panel.look()
    assert (told["condition"], told["generation"]) == ("incomplete", 2)
    assert told["drift"][0]["kind"] == "missing"
    monkeypatch.setattr(WireGuard, "add", add)
    assert (await panel.put(tag=old.etag))[1]["added"] == 1
    assert (await panel.look())["condition"] == "in_sync"
    assert peer.public_key in box.peers()


async def test_port_and_mark_follow(panel: Any, box: Any, make_peer: Any) -> None:
    await panel.add(make_peer())
    panel.part = InterfacePart(51999, panel.part.addresses, fwmark=9)
    assert (await panel.add())[0] == 200
    assert box.settings()[2:] == ["51999", "0x9"]


async def test_one_that_is_not_there_yet_is_created(panel: Any, box: Any, make_peer: Any) -> None:
    panel.part = InterfacePart(51900, ("10.10.0.1/24",))
    peer = make_peer(allowed_ips=("10.10.0.2/32",))
    panel.want(peer)
    create = desired_handlers.put_interface
    status, body = await panel.send(create, panel.whole().as_json(), iface="wg7")
    assert (status, body["condition"]) == (201, "in_sync")
    assert box.settings("wg7")[1:3] == [body["public_key"], "51900"]
    assert box.peers("wg7").keys() == {peer.public_key}
    state = panel.agent.sampler.interfaces["wg7"]
    assert (state.is_managed, state.status) == (True, "up")


async def test_one_that_was_refused_is_not_ours(panel: Any, box: Any, make_peer: Any) -> None:
    panel.want(make_peer())
    create = desired_handlers.put_interface
    body = panel.whole().as_json() | {"hash": "0" * 64}
    assert (await panel.send(create, body, iface="wg7"))[0] == 422
    assert "wg7" not in panel.agent.sampler.interfaces
    assert not box.has("wg7")


async def test_somebody_elses_interface_is_not_taken(panel: Any, box: Any, make_peer: Any) -> None:
    box.add_interface("wg9", 51900)
    await panel.agent.sampler.look()
    panel.want(make_peer())
    body = panel.whole().as_json()
    for handler in (desired_handlers.put_interface, handlers.sync_conf):
        assert (await panel.send(handler, body, iface="wg9"))[0] == 403
    assert box.peers("wg9") == {}


@pytest.mark.parametrize("act", ["add", "change"])
async def test_the_interfaces_own_key_is_no_peer(
    act: str, panel: Any, box: Any, many: Any, make_peer: Any
) -> None:
    status, body = await getattr(panel, act)(make_peer(public_key=box.settings()[1]))
    assert (status, body["error"]) == (422, "invalid")
    assert len(box.peers()) == len(many)


@pytest.mark.parametrize("act", ["add", "change"])
async def test_a_quota_is_refused_while_nobody_counts(
    act: str, panel: Any, many: Any, make_peer: Any
) -> None:
    status, body = await getattr(panel, act)(make_peer(quota_bytes=1))
    assert status == 422
    assert body["field"].endswith("].quota_bytes")


async def test_the_report_tells_what_is_there(panel: Any, many: Any) -> None:
    report = panel.agent.report().wireguard.interfaces["wg0"]
    state = State(report.epoch, report.generation, report.hash)
    assert state == panel.node
    assert (report.condition, report.drift) == ("in_sync", 0)
    told = await panel.look()
    assert (told["policy"], told["drift"], told["managed"]) == ("enforce", [], True)
    assert told["applied_at"] is not None


async def test_a_preshared_key_never_comes_back(panel: Any, box: Any, make_peer: Any) -> None:
    peer = make_peer(preshared_key=secret())
    _, body = await panel.add(peer)
    box.run("wg", "set", "wg0", "peer", peer.public_key, "preshared-key", "/dev/null")
    panel.agent.sampler.interfaces["wg0"].looked_at = None
    items = await panel.agent.desired._convergence.differences("wg0", 0)
    told = f"{body} {items} {await panel.look()} {panel.agent.sampler.interfaces}"
    assert [item.field for item in items] == ["preshared_key"]
    assert peer.preshared_key not in told
    assert panel.store.private_key("wg0") not in told


async def live_peers(panel: Any, box: Any, make_peer: Any) -> list[PeerPart]:
    keys = [box.add_client(number) for number in range(LIVE)]
    peers = [make_peer(public_key=key) for key in keys]
    await panel.add(*peers)
    deadline = time.monotonic() + 60
    while any(columns[3] == "0" for columns in box.peers().values()):
        assert time.monotonic() < deadline, "not every client shook hands"
        await asyncio.sleep(0.1)
    return peers


async def test_live_peers_notice_neither_deltas_nor_whole_documents(
    panel: Any, box: Any, make_peer: Any
) -> None:
    await live_peers(panel, box, make_peer)
    settings, before, one = box.settings(), box.peers(), make_peer()
    for upsert, removed, send in (
        ((one,), (), panel.change),
        ((replace(one, preshared_key=secret()),), (), panel.change),
        ((), (one.public_key,), panel.change),
        ((one,), (), panel.add),
        (tuple(make_peer() for _ in range(600)), (), panel.add),
    ):
        options = {"remove": removed} if removed else {}
        assert (await send(*upsert, **options))[0] == 200
        now = box.peers()
        for key, (_, endpoint, networks, handshake, rx, tx, _) in before.items():
            assert now[key][1:3] == [endpoint, networks]
            assert int(now[key][3]) >= int(handshake) > 0
            assert int(now[key][4]) >= int(rx)
            assert int(now[key][5]) >= int(tx)
        before = {key: now[key] for key in before}
    assert box.settings() == settings
