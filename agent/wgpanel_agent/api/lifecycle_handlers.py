"""What the routes of an interface's life do: up, down, removal, and its file read back."""

import asyncio
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wgpanel_agent.agent import Agent
from wgpanel_agent.api.desired_handlers import get_interface
from wgpanel_agent.desired.against import Against
from wgpanel_agent.desired.store import JournalFull, Kept
from wgpanel_agent.documents import PeerPart
from wgpanel_agent.files.conffile import path_of
from wgpanel_agent.files.confrender import text_of
from wgpanel_agent.files.serverconf import BadConf, ServerConf, parse
from wgpanel_agent.host.wireguard import Fingerprint
from wgpanel_agent.http import Call, HttpError, Reply
from wgpanel_agent.protocol import JSON


async def interface_up(agent: Agent, call: Call) -> Reply:
    """From the journal, also after `down`."""
    name = call.params["iface"]
    with _disk_full():
        async with agent.applier.turn(name):
            await agent.links.up(name)
    return await _as_it_is(agent, call)


async def interface_down(agent: Agent, call: Call) -> Reply:
    """Until somebody says up; what is desired stays desired."""
    name = call.params["iface"]
    with _disk_full():
        async with agent.applier.turn(name):
            await agent.links.down(name)
    return await _as_it_is(agent, call)


async def delete_interface(agent: Agent, call: Call) -> Reply:
    """Take it down, put its file aside, forget what is desired of it; 404 if nothing is."""
    name = call.params["iface"]
    if agent.store.interface(name) is None:
        raise HttpError(404, "no_such_interface", f"Nothing is desired of {name}.")
    given = agent.desired.condition_of(name, call.if_match)
    with _disk_full():
        async with agent.desired.turn(name, given):
            await agent.links.remove(name)
            await asyncio.to_thread(agent.store.forget, name)
    if name in agent.config.interfaces:
        agent.sampler.conform(name, None)
    else:
        agent.sampler.release(name)
    await agent.sampler.look_unless_younger(name, 0)
    return Reply(200, {"name": name, "removed": True})


async def get_conf(agent: Agent, call: Call) -> Reply:
    """The file in /etc/wireguard, read and parsed now; without secrets. `against` leaves out the
    peers that are in it as that desired state wants."""
    name = call.params["iface"]
    if name not in agent.sampler.interfaces:
        raise HttpError(404, "no_such_interface", "This node has no such interface.")
    against = Against.named(call, agent.store, agent.clock())
    wanted = await agent.files.wanted(name) if against else None
    file = _File(
        path_of(agent.files.folder, name),
        agent.store.interface(name),
        agent.applier.wireguard.fingerprint,
    )
    body = await asyncio.to_thread(file.told, against, wanted)
    return Reply(200, body, {"content-type": JSON})


async def _as_it_is(agent: Agent, call: Call) -> Reply:
    """After a look, and whatever repair finds to do."""
    name = call.params["iface"]
    await agent.sampler.look_unless_younger(name, 0)
    await agent.repairer.repair(name)
    return await get_interface(agent, call)


@contextmanager
def _disk_full() -> Iterator[None]:
    try:
        yield
    except (JournalFull, OSError) as error:
        raise HttpError(507, "disk_full", f"The disk cannot be written: {error}.") from error


@dataclass(frozen=True, slots=True)
class _File:
    """Parsing and writing 20,000 peers takes a second: its methods run in a thread."""

    path: Path
    kept: Kept | None
    fingerprint: Fingerprint

    def told(self, against: Against | None, wanted: ServerConf | None) -> bytes:
        nothing: dict[str, Any] = {"generation": None, "interface": None, "peers": []}
        try:
            told = self._content(self.path.read_text("utf-8"), against, wanted)
        except FileNotFoundError:
            told = {"exists": False, **nothing}
        except (BadConf, UnicodeDecodeError, OSError) as error:
            told = {"exists": True, **nothing, "problem": str(error)}
        return json.dumps(told, separators=(",", ":")).encode()

    def _content(
        self, text: str, against: Against | None, wanted: ServerConf | None
    ) -> dict[str, Any]:
        """A file that is, letter by letter, what would be written now need not be parsed."""
        if against and wanted and against.state == wanted.state and text_of(wanted) == text:
            return {**self._head(wanted), **against.told([]), "peers": []}
        conf = parse(text)
        if against is None:
            return {**self._head(conf), "peers": self._peers(conf.peers)}
        peers, missing = against.on_disk(conf)
        return {**self._head(conf), **against.told(missing), "peers": self._peers(peers)}

    def _head(self, conf: ServerConf) -> dict[str, Any]:
        """Generations of another epoch mean nothing in this one."""
        state, ours = conf.state, self.kept.state if self.kept else None
        is_current = state is not None and ours is not None and state.epoch == ours.epoch
        return {
            "exists": True,
            "generation": state.generation if state and is_current else None,
            "interface": {
                "listen_port": conf.listen_port,
                "addresses": list(conf.addresses),
                "mtu": conf.mtu,
                "fwmark": conf.fwmark,
                "table": conf.table,
            },
        }

    def _peers(self, peers: Iterable[PeerPart]) -> list[dict[str, Any]]:
        return [_peer(peer, self.fingerprint) for peer in peers]


def _peer(peer: PeerPart, fingerprint: Fingerprint) -> dict[str, Any]:
    secret = peer.preshared_key
    return {
        "public_key": peer.public_key,
        "allowed_ips": list(peer.allowed_ips),
        "keepalive": peer.keepalive,
        "preshared_key_fingerprint": fingerprint(peer.public_key, secret) if secret else None,
    }
