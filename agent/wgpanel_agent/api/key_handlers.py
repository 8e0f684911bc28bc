"""What the routes of key rotation do: stage with the old key, prove and retire with the new."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from wgpanel_agent import grammar
from wgpanel_agent.documents import InvalidDocument, fields_of
from wgpanel_agent.http import Call, HttpError, Reply, invalid_as_422
from wgpanel_agent.keys.key_ring import LARGEST_SEQ, KeyRing, NotCurrent
from wgpanel_agent.signing.agreement import BadShare


class HasKeys(Protocol):
    keys: KeyRing


async def stage_key(agent: HasKeys, call: Call) -> Reply:
    """`seq` and the panel's `share` of the agreement; the answer has ours."""
    with invalid_as_422():
        given = fields_of(call.body, "body", ("seq", "share"))
        seq = grammar.integer(given.get("seq"), "seq", 1, LARGEST_SEQ)
        theirs = given.get("share")
        if not isinstance(theirs, str):
            raise InvalidDocument("share", "must be a text")
    with _refusals():
        ours = await asyncio.to_thread(agent.keys.stage, call.keyid, seq, theirs)
    return Reply(200, {"seq": seq, "share": ours})


async def prove_key(agent: HasKeys, call: Call) -> Reply:
    with _refusals():
        await asyncio.to_thread(agent.keys.prove, call.keyid)
    return Reply(200, {"current": call.keyid})


async def retire_key(agent: HasKeys, call: Call) -> Reply:
    with _refusals():
        await asyncio.to_thread(agent.keys.retire, call.keyid)
    return Reply(200, {"current": call.keyid})


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except BadShare as error:
        raise HttpError(422, "invalid", f"share {error}.", field="share") from error
    except NotCurrent as error:
        raise HttpError(409, "not_current", str(error)) from error
    except OSError as error:
        raise HttpError(507, "disk_full", f"The disk cannot be written: {error}.") from error
