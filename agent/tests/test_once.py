"""A53: one effect for each Idempotency-Key, and the same answer for a day."""

import asyncio
import functools
import json
from pathlib import Path
from typing import Any

import pytest
from wgpanel_agent.api.once import KEEP, Once
from wgpanel_agent.desired.store import Store
from wgpanel_agent.http import Answer, HttpError, Reply

PATH = "/v1/wg/wg0/syncconf"
DONE = Answer(200, b"{}", {"content-type": "application/json", "etag": '"a:1:b"'})


def put(edge: Any, body: bytes, key: str | None = "k-1", path: str = PATH, **parts: str) -> Any:
    return edge.call("PUT", path, body=body, idempotency_key=key, **parts)


def test_the_same_write_again_has_the_same_answer_and_no_effect(edge: Any) -> None:
    edge.agent.outcome = Reply(201, {"generation": 1}, {"etag": '"a:1:b"'})
    first = put(edge, b'{"peers":[]}')
    edge.agent.outcome = Reply(200, {"generation": 9})
    again = put(edge, b'{"peers":[]}')
    assert (again.status, again.body, again.header("etag")) == (201, first.body, '"a:1:b"')
    assert again.signed
    assert len(edge.calls) == 1


@pytest.mark.parametrize(
    ("body", "path", "parts"),
    [
        (b'{"peers":[1]}', PATH, {}),
        (b'{"peers":[]}', "/v1/wg/wg1/syncconf", {}),
        (b'{"peers":[]}', PATH, {"if_match": '"none"'}),
    ],
)
def test_a53_another_write_with_that_key_is_refused(
    edge: Any, body: bytes, path: str, parts: dict[str, str]
) -> None:
    put(edge, b'{"peers":[]}')
    refused = put(edge, body, path=path, **parts)
    assert (refused.status, json.loads(refused.body)["error"]) == (409, "idempotency_conflict")
    assert refused.signed
    assert len(edge.calls) == 1


def test_other_keys_and_none_are_writes_of_their_own(edge: Any) -> None:
    for key in ("k-1", "k-2", None, None):
        assert put(edge, b"{}", key).status == 200
    assert len(edge.calls) == 4


def test_what_failed_may_be_tried_again_with_its_key(edge: Any) -> None:
    edge.agent.outcome = HttpError(500, "apply_incomplete", "Not all of it.")
    assert put(edge, b"{}").status == 500
    edge.agent.outcome = None
    assert put(edge, b"{}").status == 200


def test_a_key_that_is_too_long_is_refused(edge: Any) -> None:
    refused = put(edge, b"{}", "k" * 129)
    assert (refused.status, json.loads(refused.body)["field"]) == (422, "idempotency-key")


def test_reading_is_never_answered_from_memory(edge: Any) -> None:
    for _ in range(2):
        edge.call("GET", "/v1/status", idempotency_key="k-1")
    assert len(edge.calls) == 2


async def test_a_restart_forgets_nothing_and_a_day_does(tmp_path: Path) -> None:
    calls = []

    async def act() -> Answer:
        calls.append(1)
        return DONE

    for passed in (0, KEEP - 1, KEEP + 1):
        store = Store(tmp_path)
        once = Once(store, clock=functools.partial(float, 1_000_000 + passed))
        assert await once("k", "asked", "wg0", act) == DONE
        store.close()
    assert len(calls) == 2


async def test_twins_at_one_time_are_done_once(tmp_path: Path) -> None:
    calls = []

    async def act() -> Answer:
        calls.append(1)
        await asyncio.sleep(0.05)
        return DONE

    once = Once(Store(None))
    answers = await asyncio.gather(*(once("k", "asked", "wg0", act) for _ in range(5)))
    assert (answers, len(calls)) == ([DONE] * 5, 1)
    assert not once._turns


async def test_an_interface_that_was_removed_takes_its_answers_along() -> None:
    store, calls = Store(None), []

    async def act() -> Answer:
        calls.append(1)
        return DONE

    once = Once(store)
    await once("k", "asked", "wg0", act)
    store.forget("wg0")
    await once("k", "asked", "wg0", act)
    assert len(calls) == 2
