"""An agent without WireGuard: the real edge, signatures included, over desired state in memory.

It holds to the order of checks that agents have; faults are switched on by the test.
"""

import asyncio
import secrets
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from wgpanel_agent.api.app import AgentApp
from wgpanel_agent.api.auth import Gate
from wgpanel_agent.api.limits import Limits
from wgpanel_agent.api.nonces import NonceStore
from wgpanel_agent.api.routes import Route
from wgpanel_agent.api.server import listen, make_server
from wgpanel_agent.documents import (
    Delta,
    InterfacePart,
    PeerPart,
    State,
    WholeDocument,
    fingerprint_key,
    hash_sum,
    parse_if_match,
    preshared_key_fingerprint,
)
from wgpanel_agent.http import Call, Counters, HttpError, Reply
from wgpanel_agent.protocol import derive_keys

from nodes.models import Node
from nodes.tests.builders import make_online_node
from peers.tests.builders import make_key

ROUTES = (
    Route("PUT", "/v1/wg/{iface}", "put"),
    Route("GET", "/v1/wg/{iface}", "show"),
    Route("DELETE", "/v1/wg/{iface}", "delete"),
    Route("POST", "/v1/wg/{iface}/peers", "change"),
    Route("GET", "/v1/wg/{iface}/dump", "dump"),
    Route("GET", "/v1/wg/{iface}/conf", "conf"),
)
NO_STATE = {"epoch": None, "generation": None, "hash": None}


@dataclass
class Held:
    """One interface as the node has it; what runs may differ from what is desired."""

    state: State | None
    part: InterfacePart
    peers: dict[str, PeerPart]
    public_key: str = field(default_factory=make_key)
    handshakes: dict[str, int] = field(default_factory=dict)
    running: dict[str, PeerPart] | None = None
    on_disk: dict[str, PeerPart] | None = None
    status: str = "up"
    received: int = 0
    told: dict[str, Any] = field(default_factory=dict)
    told_besides: dict[str, Any] = field(default_factory=dict)

    def interface(self) -> dict[str, Any]:
        """What runs; `told` is what differs."""
        part = {"mtu": 1420, "fwmark": self.part.fwmark, "addresses": [*self.part.addresses]}
        own = {"public_key": self.public_key, "listen_port": self.part.listen_port}
        return {"status": self.status, **part, **own, **self.told}


class Sees(AgentApp):
    """Shows If-Match to the handlers, and keeps the keys of writes."""

    async def _handle(self, route: Any, params: Any, request: Any, caller: Any) -> Any:
        fields = dict(request.headers)
        self._agent.if_match = fields.get(b"if-match", b"").decode() or None
        if route.method != "GET":
            self._agent.keys.append(fields.get(b"idempotency-key"))
        return await super()._handle(route, params, request, caller)


class ContractAgent:
    """`heard` has each write as (method and path, body, If-Match); `held` is the node."""

    def __init__(self, folder: Path) -> None:
        self.node_id, self.secret = uuid4(), secrets.token_urlsafe(32)
        self.held: dict[str, Held] = {}
        self.heard: list[tuple[str, Any, str | None]] = []
        self.if_match: str | None = None
        self.keys: list[bytes | None] = []
        self.fault: HttpError | None = None
        self.loses_answers = False
        self.before_write: Any = None
        self.compares = True
        self._server = make_server(self._app(folder / str(self.node_id)), Limits())
        self._socket = listen("127.0.0.1", 0)
        self.url = "http://{}:{}".format(*self._socket.getsockname())
        self._thread = threading.Thread(target=self._serve)

    def node(self, **fields: Any) -> Node:
        """Save the row that knows this agent."""
        mine = {"id": self.node_id, "agent_url": self.url, "secret": self.secret}
        return make_online_node(**{**mine, **fields})

    @property
    def writes(self) -> list[str]:
        return [line for line, _, _ in self.heard]

    # --- handlers --------------------------------------------------------------------------------

    async def put(self, call: Call) -> Reply:
        name = call.params["iface"]
        self._hear("PUT /v1/wg/" + name, call)
        document = WholeDocument.parse(call.body, routes=True)
        held = self.held.get(name)
        if self._is_done(held, document.state, document.replaces_epoch):
            return self._confirmed(name, 200)
        if not document.sums_up:
            raise self._refused(422, "hash_mismatch", held)
        peers = {peer.public_key: peer for peer in document.peers}
        self._guard(held, document.confirm_removals, {*held.peers} - {*peers} if held else set())
        key = held.public_key if held else make_key()
        self.held[name] = Held(document.state, document.interface, peers, key)
        return self._confirmed(name, 200 if held else 201)

    async def change(self, call: Call) -> Reply:
        name = call.params["iface"]
        self._hear(f"POST /v1/wg/{name}/peers", call)
        delta, held = Delta.parse(call.body, routes=True), self.held.get(name)
        if held is None or held.state is None:
            raise self._refused(412, "precondition_failed", held)
        if self._is_done(held, delta.state, None):
            return self._confirmed(name, 200)
        peers = held.peers | {peer.public_key: peer for peer in delta.upsert}
        for key in delta.remove:
            peers.pop(key, None)
        whole = hash_sum("0", (held.part.digest(), *(peer.digest() for peer in peers.values())))
        if whole != delta.hash:
            raise self._refused(412, "hash_mismatch", held)
        self._guard(held, delta.confirm_removals, {*held.peers} - {*peers})
        held.state, held.peers = delta.state, peers
        return self._confirmed(name, 200)

    async def delete(self, call: Call) -> Reply:
        name = call.params["iface"]
        self._hear("DELETE /v1/wg/" + name, call)
        held = self._present(name)
        if parse_if_match(self.if_match) != held.state:
            raise self._refused(412, "precondition_failed", held)
        del self.held[name]
        return Reply(200, {})

    async def show(self, call: Call) -> Reply:
        held = self._present(call.params["iface"])
        return Reply(200, {"name": call.params["iface"], **_told(held)})

    async def dump(self, call: Call) -> Reply:
        held = self._present(call.params["iface"])
        peers = held.peers if held.running is None else held.running
        alive = sum(at > time.time() - 180 for at in held.handshakes.values())
        body = {"interface": held.interface(), "active_peers": alive}
        return Reply(200, {**body, **self._told(call, held, peers), **held.told_besides})

    async def conf(self, call: Call) -> Reply:
        held = self._present(call.params["iface"])
        peers = held.peers if held.on_disk is None else held.on_disk
        part = {"listen_port": held.part.listen_port, "addresses": [*held.part.addresses]}
        settings = {"mtu": held.part.mtu, "fwmark": held.part.fwmark, "table": held.part.table}
        generation = held.state.generation if held.state else None
        told = {"exists": True, "generation": generation, "interface": {**part, **settings}}
        return Reply(200, {**told, **self._told(call, held, peers)})

    def _told(self, call: Call, held: Held, peers: dict[str, PeerPart]) -> dict[str, Any]:
        """All peers, or those that are otherwise than in the state that was named."""
        named = call.query.get("against")
        if not self.compares or held.state is None or named != held.state.etag.strip('"'):
            return {"peers": [self._peer(held, it) for it in peers.values()]}
        other = [it for key, it in peers.items() if held.peers.get(key) != it]
        missing = [key for key in held.peers if key not in peers]
        told = [self._peer(held, it) for it in other]
        return {"against": named, "missing": missing, "peers": told}

    def _peer(self, held: Held, peer: PeerPart) -> dict[str, Any]:
        key = fingerprint_key(str(self.node_id), self.secret.encode())
        secret = peer.preshared_key
        return {
            "public_key": peer.public_key,
            "allowed_ips": list(peer.allowed_ips),
            "keepalive": peer.keepalive,
            "last_handshake": held.handshakes.get(peer.public_key),
            "rx_bytes": held.received,
            "tx_bytes": 0,
            "preshared_key_fingerprint": secret
            and preshared_key_fingerprint(key, peer.public_key, secret),
        }

    # --- the rules -------------------------------------------------------------------------------

    def _hear(self, line: str, call: Call) -> None:
        self.heard.append((line, call.body, self.if_match))
        if self.before_write:
            self.before_write()
        if self.fault:
            raise self.fault

    def _is_done(self, held: Held | None, wanted: State, replaces: str | None) -> bool:
        """True when there is nothing to do; raises what an agent refuses by the state alone."""
        has = held.state if held else None
        if has is not None and wanted.epoch != has.epoch:
            if replaces != has.epoch:
                raise self._refused(409, "epoch_mismatch", held)
        elif has is not None and wanted.generation < has.generation:
            raise self._refused(409, "stale", held)
        elif has is not None and wanted.generation == has.generation:
            if wanted.hash != has.hash:
                raise self._refused(409, "conflict", held)
            return True
        if parse_if_match(self.if_match) != has:
            raise self._refused(412, "precondition_failed", held)
        return False

    def _guard(self, held: Held | None, confirmed: int | None, gone: set[str]) -> None:
        if held and len(gone) > max(10, 0.2 * len(held.peers)) and confirmed != len(gone):
            raise HttpError(409, "shrink_guard", "No.", removals=len(gone))

    def _refused(self, status: int, code: str, held: Held | None) -> HttpError:
        state = held.state if held else None
        return HttpError(status, code, "No.", **(_fields(state) if state else NO_STATE))

    def _confirmed(self, name: str, status: int) -> Reply:
        if self.loses_answers:
            raise RuntimeError("the answer is lost")
        held = self.held[name]
        assert held.state is not None
        return Reply(status, _told(held), {"etag": held.state.etag})

    def _present(self, name: str) -> Held:
        if name not in self.held:
            raise HttpError(404, "no_such_interface", "This node has no such interface.")
        return self.held[name]

    # --- serving ---------------------------------------------------------------------------------

    def _app(self, nonces: Path) -> AgentApp:
        keys = derive_keys(str(self.node_id), 1, self.secret.encode())
        counters, limits = Counters(), Limits()
        gate = Gate({keys.keyid: keys}, NonceStore(nonces), counters=counters, limits=limits)
        acts = {route.handler: getattr(type(self), route.handler) for route in ROUTES}
        return Sees(self, acts, gate, counters=counters, limits=limits, routes=ROUTES)

    def _serve(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=30)


def _fields(state: State) -> dict[str, Any]:
    return {"epoch": state.epoch, "generation": state.generation, "hash": state.hash}


def _told(held: Held) -> dict[str, Any]:
    state = _fields(held.state) if held.state else NO_STATE
    return {**state, "condition": "in_sync", "public_key": held.public_key}
