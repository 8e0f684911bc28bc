"""What the routes of the desired state do: read If-Match, read the body, hand both over."""

from typing import Any

from wgpanel_agent.agent import Agent
from wgpanel_agent.desired.acceptance import Outcome, told
from wgpanel_agent.documents import (
    MOST_PEERS,
    Delta,
    InvalidDocument,
    PeerPart,
    WholeDocument,
    fields_of,
    list_of,
)
from wgpanel_agent.http import Call, HttpError, Reply, invalid_as_422
from wgpanel_agent.slices import in_slices


def is_desired(body: Any) -> bool:
    """Whether it is meant as desired state; what it lacks of one is found when it is read."""
    return isinstance(body, dict) and not body.keys().isdisjoint(("epoch", "generation"))


async def put_interface(agent: Agent, call: Call) -> Reply:
    """Create an interface, or change it. 201 where it had no desired state."""
    name = call.params["iface"]
    given = agent.desired.condition_of(name, call.if_match)
    with invalid_as_422():
        document = await _whole(agent, call.body)
        outcome = await agent.desired.create(name, given, document)
    return _done(outcome)


async def synchronise(agent: Agent, call: Call) -> Reply:
    """The whole desired state of an interface of ours."""
    name = call.params["iface"]
    given = agent.desired.condition_of(name, call.if_match)
    with invalid_as_422():
        document = await _whole(agent, call.body)
        return _done(await agent.desired.put_whole(name, given, document))


async def change(agent: Agent, call: Call) -> Reply:
    """What changed of the desired state."""
    name = call.params["iface"]
    given = agent.desired.condition_of(name, call.if_match)
    with invalid_as_422():
        delta = Delta.parse(call.body, routes=agent.config.allow_routes)
        _refuse_quotas(delta.upsert, "upsert")
        return _done(await agent.desired.put_delta(name, given, delta))


async def get_interface(agent: Agent, call: Call) -> Reply:
    """One interface, and how it stands to what is desired of it."""
    name = call.params["iface"]
    state = agent.sampler.interfaces.get(name)
    if state is None:
        raise HttpError(404, "no_such_interface", "This node has no such interface.")
    kept, conformity = agent.store.interface(name), state.conformity
    body = {
        "name": name,
        "managed": state.is_managed,
        "status": state.status,
        "public_key": state.running.public_key if state.running else None,
        "listen_port": state.running.listen_port if state.running else None,
        **told(kept),
        "policy": kept.part.policy if kept else None,
        "condition": conformity.condition if conformity else None,
        "drift": [item.as_json() for item in conformity.drift] if conformity else [],
        "applied_at": kept.applied_at if kept else None,
    }
    return Reply(200, body, {"etag": kept.state.etag} if kept else {})


async def _whole(agent: Agent, body: Any) -> WholeDocument:
    """Others get their turn while thousands of peers are read."""
    given = fields_of(body, "document", WholeDocument.FIELDS)
    listed, routes = list_of(given.get("peers"), "peers", MOST_PEERS), agent.config.allow_routes
    peers = [
        PeerPart.parse(it, f"peers[{i}]", routes=routes)
        async for i, it in in_slices(enumerate(listed))
    ]
    _refuse_quotas(peers, "peers")
    return WholeDocument.of(body, peers)


def _refuse_quotas(peers: list[PeerPart] | tuple[PeerPart, ...], field: str) -> None:
    """Nothing counts what a peer has used yet; a quota that nobody keeps is none."""
    for position, peer in enumerate(peers):
        if peer.quota_bytes is not None:
            path = f"{field}[{position}].quota_bytes"
            raise InvalidDocument(path, "is not enforced by this version")


def _done(outcome: Outcome) -> Reply:
    state, applied = outcome.state, outcome.applied
    body = {
        "epoch": state.epoch,
        "generation": state.generation,
        "hash": state.hash,
        "condition": outcome.condition,
        "public_key": outcome.public_key,
        "added": applied.added,
        "changed": applied.changed,
        "removed": applied.removed,
        "unchanged": applied.unchanged,
    }
    return Reply(201 if outcome.is_new else 200, body, {"etag": state.etag})
