"""An agent with a journal on disk, its interface in a machine of the lab, and a panel's memory."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from wgpanel_agent.agent import Agent
from wgpanel_agent.api import desired_handlers, handlers
from wgpanel_agent.config import Config
from wgpanel_agent.desired.store import Store
from wgpanel_agent.documents import (
    Delta,
    InterfacePart,
    PeerPart,
    State,
    WholeDocument,
    if_match,
    state_hash,
)
from wgpanel_agent.http import Call, HttpError

EPOCH = "3f0c8a52-6f0e-4f0a-9f57-0a4d3b7f1c11"
PART = InterfacePart(51820, ("10.9.0.1/16",))
Answer = tuple[int, Any]


class Panel:
    """Knows what it wants and what the node has; sends what a test tells it to send."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.part = PART
        self.peers: dict[str, PeerPart] = {}
        self.epoch, self.generation = EPOCH, 0
        self.node: State | None = None
        self.now = 1_000_000.0
        self.start()

    def start(self) -> None:
        """The agent, as after a kill: with what is on disk."""
        self.store = Store(self.folder, ["wg0"])
        config = Config(
            node_id="node-1",
            secret=b"s" * 32,
            interfaces=("wg0",),
            state_dir=self.folder,
            allow_routes=True,
        )
        self.agent = Agent(config, self.store, clock=lambda: self.now)

    async def restart(self) -> None:
        """And its repair at the start."""
        self.store.close()
        self.start()
        await self.agent.sampler.look()
        await self.agent.repairer.start(["wg0"])

    def whole(self, *, generation: int | None = None, **fields: Any) -> WholeDocument:
        peers = tuple(self.peers.values())
        state = State(self.epoch, generation or self.generation, state_hash(self.part, peers))
        return replace(WholeDocument(state, self.part, peers), **fields)

    def want(self, *peers: PeerPart, without: tuple[str, ...] = ()) -> None:
        """Its next generation."""
        self.peers |= {peer.public_key: peer for peer in peers}
        for key in without:
            del self.peers[key]
        self.generation += 1

    async def put(self, *, method: Any = None, tag: str | None = "", **fields: Any) -> Answer:
        """The whole document; without a `tag` of its own on what the node is known to have."""
        body = self.whole(**fields).as_json()
        return await self.send(method or handlers.sync_conf, body, tag)

    async def add(self, *peers: PeerPart, **fields: Any) -> Answer:
        """The next generation, as a whole document."""
        self.want(*peers)
        return await self.put(**fields)

    async def change(
        self, *upsert: PeerPart, remove: tuple[str, ...] = (), tag: str | None = "", **fields: Any
    ) -> Answer:
        """The next generation, as a delta."""
        base = self.generation
        self.want(*upsert, without=remove)
        state = self.whole().state
        delta = Delta(state.epoch, base, state.generation, state.hash, upsert, remove)
        return await self.send(handlers.change_peers, replace(delta, **fields).as_json(), tag)

    async def send(self, handler: Any, body: Any, tag: str | None = "", **params: str) -> Answer:
        """To a handler, through JSON; an error comes back like an answer."""
        tag = if_match(self.node) if tag == "" else tag
        body = json.loads(json.dumps(body))
        call = Call({"iface": "wg0"} | params, {}, body, signed=True, if_match=tag)
        try:
            reply = await handler(self.agent, call)
        except HttpError as error:
            return error.status, error.envelope()
        if "etag" in reply.headers:
            self.node = State.parse_etag(reply.headers["etag"])
        return reply.status, reply.body

    async def look(self) -> dict[str, Any]:
        """What the agent tells of the interface."""
        return dict((await self.send(desired_handlers.get_interface, None))[1])


@pytest.fixture
def panel(box: Any, tmp_path: Path) -> Iterator[Panel]:
    fresh = Panel(tmp_path / "state")
    yield fresh
    fresh.store.close()


@pytest.fixture
async def many(panel: Panel, make_peer: Callable[..., PeerPart]) -> list[PeerPart]:
    """Sixty peers that the node has already."""
    peers = [make_peer() for _ in range(60)]
    assert (await panel.add(*peers))[0] == 201
    return peers
