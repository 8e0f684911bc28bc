"""What each route does: read the snapshot, or hand a checked change to the applier."""

import json
from typing import Any

from wgpanel_agent import __version__, grammar
from wgpanel_agent.agent import Agent
from wgpanel_agent.api import desired_handlers
from wgpanel_agent.desired.against import Against
from wgpanel_agent.desired.apply import Applied
from wgpanel_agent.documents import (
    MOST_CHANGES,
    MOST_PEERS,
    Document,
    InterfacePart,
    InvalidDocument,
    PeerPart,
    fields_of,
    list_of,
    refuse_both,
    refuse_double_claims,
)
from wgpanel_agent.host.wireguard import Peer
from wgpanel_agent.http import Call, HttpError, Reply, invalid_as_422
from wgpanel_agent.protocol import JSON
from wgpanel_agent.reporting.metrics import CONTENT_TYPE
from wgpanel_agent.reporting.states import InterfaceState
from wgpanel_agent.slices import in_slices

quoted = json.encoder.encode_basestring_ascii


async def health(agent: Agent, call: Call) -> Reply:
    """Strangers learn one word; whoever signed also learns why."""
    problems = agent.sampler.problems
    status = 503 if problems else 200
    body: dict[str, Any] = {"status": "unhealthy" if problems else "ok"}
    if call.signed:
        body |= {"version": __version__, "uptime": agent.uptime, "problems": problems}
    return Reply(status, body)


async def metrics(agent: Agent, call: Call) -> Reply:
    return Reply(200, agent.metrics_body(), {"content-type": CONTENT_TYPE})


async def status(agent: Agent, call: Call) -> Reply:
    return Reply(200, agent.status_body(), {"content-type": JSON})


async def list_interfaces(agent: Agent, call: Call) -> Reply:
    states = agent.sampler.interfaces.values()
    return Reply(200, {"interfaces": [_interface(state) for state in states]})


async def dump(agent: Agent, call: Call) -> Reply:
    """The interface and its peers; `since` leaves out peers that did not change after that look,
    `against` those that are as that desired state wants, `max_age` (seconds) asks for a new look
    unless the last one is younger."""
    state = await _seen(agent, call)
    against = Against.named(call, agent.store, agent.clock())
    keys = state.changed_since(_integer(call, "since"))
    head = {
        "interface": _interface(state),
        "seq": state.sequence,
        "age_seconds": state.age(agent.sampler.now()),
        "complete": keys is None and against is None,
        "active_peers": state.totals.active_peers,
    }
    if against is not None:
        peers, missing = await against.running(state.peers, agent.applier.wireguard.fingerprint)
        head |= against.told(missing)
    else:
        peers = [*state.peers.values()] if keys is None else [state.peers[key] for key in keys]
    listed = b",".join([_peer(peer) async for peer in in_slices(peers)])
    body = json.dumps(head)[:-1].encode() + b',"peers":[' + listed + b"]}"
    return Reply(200, body, {"content-type": JSON})


async def list_peers(agent: Agent, call: Call) -> Reply:
    state = await _seen(agent, call)
    listed = b",".join([_peer(peer) async for peer in in_slices(list(state.peers.values()))])
    return Reply(200, b'{"peers":[' + listed + b"]}", {"content-type": JSON})


async def change_peers(agent: Agent, call: Call) -> Reply:
    """A batch: `upsert`, `remove`, and `confirm_removals` where so many must be confirmed; with
    an `epoch` it is a delta of the desired state."""
    if desired_handlers.is_desired(call.body):
        return await desired_handlers.change(agent, call)
    agent.desired.refuse_desired(call.params["iface"])
    with invalid_as_422():
        given = fields_of(call.body, "body", ("upsert", "remove", "confirm_removals"))
        upserts = await _peers(agent, given.get("upsert", []), "upsert", MOST_CHANGES)
        listed = list_of(given.get("remove", []), "remove", MOST_CHANGES)
        removals = [grammar.public_key(key, f"remove[{i}]") for i, key in enumerate(listed)]
        refuse_double_claims(upserts, "upsert")
        refuse_both(upserts, removals)
        applied = await agent.applier.change(
            call.params["iface"], upserts, removals, _confirmed(given)
        )
    return _applied(applied)


async def put_peer(agent: Agent, call: Call) -> Reply:
    """201 for a new peer, 200 for one that was there."""
    agent.desired.refuse_desired(call.params["iface"])
    with invalid_as_422():
        given = fields_of(call.body, "peer", PeerPart.__slots__)
        if given.get("public_key", call.params["peer"]) != call.params["peer"]:
            raise InvalidDocument("peer.public_key", "is not the one in the path")
        peer = _peer_part(agent, {**given, "public_key": call.params["peer"]}, "peer")
        applied = await agent.applier.change(call.params["iface"], [peer])
    return _applied(applied, 201 if applied.added else 200)


async def delete_peer(agent: Agent, call: Call) -> Reply:
    agent.desired.refuse_desired(call.params["iface"])
    applied = await agent.applier.change(call.params["iface"], removals=[call.params["peer"]])
    if not applied.removed:
        raise HttpError(404, "no_such_peer", "This interface has no such peer.")
    return _applied(applied)


async def sync_conf(agent: Agent, call: Call) -> Reply:
    """The whole interface: `peers`, and `interface` where its settings are to change; with an
    `epoch` it is the desired state."""
    if desired_handlers.is_desired(call.body):
        return await desired_handlers.synchronise(agent, call)
    agent.desired.refuse_desired(call.params["iface"])
    with invalid_as_422():
        given = fields_of(call.body, "document", ("interface", "peers", "confirm_removals"))
        part = given.get("interface")
        document = Document.of(
            await _peers(agent, given.get("peers"), "peers", MOST_PEERS),
            None if part is None else InterfacePart.parse(part),
        )
        applied = await agent.applier.bring_to(call.params["iface"], document, _confirmed(given))
    return _applied(applied)


async def _seen(agent: Agent, call: Call) -> InterfaceState:
    name, max_age = call.params["iface"], _integer(call, "max_age")
    if max_age is not None:
        await agent.sampler.look_unless_younger(name, max_age)
    state = agent.sampler.interfaces.get(name)
    if state is None:
        raise HttpError(404, "no_such_interface", "This node has no such interface.")
    return state


def _integer(call: Call, name: str) -> int | None:
    text = call.query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise HttpError(422, "bad_query", f"{name} must be a whole number.", field=name)
    return int(text)


async def _peers(agent: Agent, value: object, field: str, most: int) -> list[PeerPart]:
    listed = enumerate(list_of(value, field, most))
    return [_peer_part(agent, it, f"{field}[{i}]") async for i, it in in_slices(listed)]


def _peer_part(agent: Agent, data: object, path: str) -> PeerPart:
    """Expiry and quota are kept with a desired state only; here they are refused, loudly."""
    part = PeerPart.parse(data, path, routes=agent.config.allow_routes)
    for name in ("expires_at", "quota_bytes"):
        if getattr(part, name) is not None:
            raise InvalidDocument(f"{path}.{name}", "needs a desired state")
    return part


def _confirmed(given: Any) -> int | None:
    value = given.get("confirm_removals")
    return None if value is None else grammar.integer(value, "confirm_removals", 0, MOST_PEERS)


def _applied(applied: Applied, status: int = 200) -> Reply:
    return Reply(
        status,
        {
            "added": applied.added,
            "changed": applied.changed,
            "removed": applied.removed,
            "unchanged": applied.unchanged,
        },
    )


def _interface(state: InterfaceState) -> dict[str, Any]:
    running, link = state.running, state.link
    return {
        "name": state.name,
        "managed": state.is_managed,
        "status": state.status,
        "problem": state.problem,
        "public_key": running.public_key if running else None,
        "listen_port": running.listen_port if running else None,
        "fwmark": running.fwmark if running else None,
        "addresses": list(link.addresses) if link else [],
        "mtu": link.mtu if link else None,
        "peer_count": len(state.peers),
    }


def _peer(peer: Peer) -> bytes:
    """By hand: 10,000 peers in 10 ms, where json.dumps takes 50."""
    networks = '","'.join(peer.networks)
    return (
        f'{{"public_key":"{peer.public_key}"'
        f',"endpoint":{quoted(peer.endpoint) if peer.endpoint else "null"}'
        f',"allowed_ips":[{networks and chr(34) + networks + chr(34)}]'
        f',"last_handshake":{_or_null(peer.last_handshake)}'
        f',"rx_bytes":{peer.rx_bytes},"tx_bytes":{peer.tx_bytes}'
        f',"keepalive":{_or_null(peer.keepalive)}'
        f',"preshared_key_fingerprint":{quoted(peer.fingerprint) if peer.fingerprint else "null"}}}'
    ).encode("ascii")


def _or_null(value: int | None) -> str:
    return "null" if value is None else str(value)
