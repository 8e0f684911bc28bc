"""Attacks A52 to A56 on the desired state: refused by name, and nothing on the node moves."""

from typing import Any

import pytest
from wgpanel_agent.api import desired_handlers, handlers
from wgpanel_agent.documents import State, if_match

OTHER_EPOCH = "00000000-0000-4000-8000-000000000000"


def told(panel: Any) -> dict[str, Any]:
    state = panel.node
    return {"epoch": state.epoch, "generation": state.generation, "hash": state.hash}


def refusal(answer: tuple[int, Any]) -> tuple[int, str]:
    return answer[0], answer[1]["error"]


def state_in(body: dict[str, Any]) -> dict[str, Any]:
    return {name: body[name] for name in ("epoch", "generation", "hash")}


@pytest.fixture
async def before(panel: Any, many: Any, box: Any) -> Any:
    """What runs, before anything is tried."""
    return box.peers(), box.settings()


@pytest.fixture
def handler(request: Any) -> Any:
    return request.param


@pytest.mark.parametrize("act", ["put", "change", "create"])
@pytest.mark.parametrize(
    ("tag", "status", "code"),
    [
        (None, 428, "if_match_required"),
        ("*", 412, "precondition_failed"),
        ("", 412, "precondition_failed"),
        ('"7"', 412, "precondition_failed"),
        ('W/"none"', 412, "precondition_failed"),
        ('"none"', 412, "precondition_failed"),
    ],
)
async def test_a52_if_match_must_name_the_state(
    *, act: str, tag: str | None, status: int, code: str, panel: Any, box: Any, before: Any
) -> None:
    tag = "nothing" if tag == "" else tag
    if act == "change":
        answer = await panel.change(tag=tag, remove=(next(iter(panel.peers)),))
    else:
        method = desired_handlers.put_interface if act == "create" else handlers.sync_conf
        answer = await panel.add(tag=tag, method=method)
    assert refusal(answer) == (status, code)
    assert status == 428 or state_in(answer[1]) == told(panel)
    assert (box.peers(), box.settings()) == before


@pytest.mark.parametrize("act", ["put", "change"])
async def test_a52_an_old_state_is_not_enough(
    act: str, panel: Any, box: Any, many: Any, make_peer: Any
) -> None:
    old = panel.node
    await panel.change(make_peer())
    running = box.peers()
    send = panel.change if act == "change" else panel.add
    answer = await send(make_peer(), tag=old.etag)
    assert refusal(answer) == (412, "precondition_failed")
    assert state_in(answer[1]) == told(panel)
    assert box.peers() == running


@pytest.mark.parametrize("body", [{}, {"epoch": 1}, {"generation": 1, "peers": []}])
async def test_a52_without_if_match_the_body_is_not_even_read(panel: Any, body: Any) -> None:
    answer = await panel.send(desired_handlers.put_interface, body, None)
    assert refusal(answer) == (428, "if_match_required")


async def test_a54_an_older_generation_is_stale(
    panel: Any, box: Any, before: Any, make_peer: Any
) -> None:
    await panel.change(make_peer())
    running = box.peers()
    answer = await panel.put(generation=1)
    assert refusal(answer) == (409, "stale")
    assert state_in(answer[1]) == told(panel)
    assert box.peers() == running


async def test_a54_the_same_generation_with_other_content_is_a_conflict(
    panel: Any, box: Any, before: Any, make_peer: Any
) -> None:
    peer = make_peer()
    panel.peers[peer.public_key] = peer
    answer = await panel.put()
    assert refusal(answer) == (409, "conflict")
    assert state_in(answer[1]) == told(panel)
    assert (box.peers(), box.settings()) == before


@pytest.mark.parametrize("replaces", [None, OTHER_EPOCH])
async def test_a55_another_epoch_is_refused_whatever_its_generation(
    replaces: str | None, panel: Any, box: Any, before: Any
) -> None:
    panel.epoch = OTHER_EPOCH
    answer = await panel.put(generation=99, replaces_epoch=replaces)
    assert refusal(answer) == (409, "epoch_mismatch")
    assert state_in(answer[1]) == told(panel)
    assert (box.peers(), box.settings()) == before


async def test_a55_a_delta_never_takes_over(panel: Any, box: Any, before: Any) -> None:
    panel.epoch = OTHER_EPOCH
    answer = await panel.change(remove=(next(iter(panel.peers)),))
    assert refusal(answer) == (409, "epoch_mismatch")
    assert (box.peers(), box.settings()) == before


async def test_a55_an_operators_choice_takes_over_once(panel: Any, many: Any) -> None:
    old = panel.epoch
    panel.epoch = OTHER_EPOCH
    wrong = State(old, 1, "0" * 64)
    answer = await panel.put(generation=1, replaces_epoch=old, tag=if_match(wrong))
    assert refusal(answer) == (412, "precondition_failed")
    status, body = await panel.put(generation=1, replaces_epoch=old)
    assert (status, body["epoch"], body["generation"]) == (200, OTHER_EPOCH, 1)
    assert (await panel.put(generation=1, replaces_epoch=old))[0] == 200


@pytest.mark.parametrize("confirmed", [None, 0, 12, 14, 60])
async def test_a56_many_removals_need_their_exact_number(
    confirmed: int | None, panel: Any, box: Any, before: Any, many: Any
) -> None:
    panel.want(without=tuple(peer.public_key for peer in many[:13]))
    answer = await panel.put(confirm_removals=confirmed)
    assert refusal(answer) == (409, "shrink_guard")
    assert answer[1]["removals"] == 13
    assert state_in(answer[1]) == told(panel)
    assert (box.peers(), box.settings()) == before


async def test_a56_a_delta_is_guarded_too(panel: Any, box: Any, before: Any, many: Any) -> None:
    keys = tuple(peer.public_key for peer in many[:13])
    answer = await panel.change(remove=keys)
    assert refusal(answer) == (409, "shrink_guard")
    assert (box.peers(), box.settings()) == before


async def test_a56_an_empty_document_removes_nobody(panel: Any, box: Any, before: Any) -> None:
    panel.peers = {}
    panel.generation += 1
    answer = await panel.put()
    assert (answer[0], answer[1]["removals"]) == (409, 60)
    assert (box.peers(), box.settings()) == before


async def test_a56_the_first_document_is_guarded_by_what_runs(
    panel: Any, box: Any, make_peer: Any
) -> None:
    by_hand = [make_peer() for _ in range(12)]
    box.add_peers(by_hand)
    answer = await panel.add(make_peer())
    assert (answer[0], answer[1]["removals"]) == (409, 12)
    assert len(box.peers()) == 12
    assert (await panel.put(confirm_removals=12))[0] == 201
    assert list(box.peers()) == list(panel.peers)


async def test_the_confirmed_number_removes_them(panel: Any, box: Any, many: Any) -> None:
    panel.want(without=tuple(peer.public_key for peer in many[:13]))
    status, body = await panel.put(confirm_removals=13)
    assert (status, body["removed"]) == (200, 13)
    assert box.peers().keys() == panel.peers.keys()


async def test_a_document_that_lost_a_peer_on_its_way_is_not_believed(
    panel: Any, box: Any, before: Any
) -> None:
    panel.generation += 1
    body = panel.whole().as_json()
    body["peers"].pop()
    answer = await panel.send(handlers.sync_conf, body)
    assert refusal(answer) == (422, "hash_mismatch")
    assert (box.peers(), box.settings()) == before


@pytest.mark.parametrize("fields", [{"hash": "0" * 64}, {"base": 99, "generation": 100}])
async def test_a_delta_that_does_not_fit_asks_for_the_whole(
    fields: Any, panel: Any, box: Any, before: Any, make_peer: Any
) -> None:
    answer = await panel.change(make_peer(), **fields)
    assert answer[0] == 412
    assert state_in(answer[1]) == told(panel)
    assert (box.peers(), box.settings()) == before


@pytest.mark.parametrize(
    ("handler", "body", "params"),
    [
        (handlers.change_peers, {"upsert": []}, {}),
        (handlers.sync_conf, {"peers": []}, {}),
        (handlers.put_peer, {"allowed_ips": []}, {"peer": "x"}),
        (handlers.delete_peer, None, {"peer": "x"}),
    ],
    indirect=["handler"],
)
async def test_a_write_of_single_peers_does_not_contradict_what_is_desired(
    *, handler: Any, body: Any, params: Any, panel: Any, box: Any, before: Any
) -> None:
    answer = await panel.send(handler, body, **params)
    assert refusal(answer) == (409, "desired_state")
    assert state_in(answer[1]) == told(panel)
    assert (box.peers(), box.settings()) == before
