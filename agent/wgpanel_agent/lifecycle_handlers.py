"""What the routes of an interface's life do: up, down, removal, and its file read back."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wgpanel_agent.agent import Agent
from wgpanel_agent.conffile import path_of
from wgpanel_agent.desired_handlers import get_interface
from wgpanel_agent.documents import PeerPart, State
from wgpanel_agent.http import Call, HttpError, Reply
from wgpanel_agent.protocol import JSON
from wgpanel_agent.serverconf import BadConf, ServerConf, parse
from wgpanel_agent.store import JournalFull
from wgpanel_agent.wireguard import Fingerprint


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
    """The file in /etc/wireguard, read and parsed now; without secrets."""
    name = call.params["iface"]
    if name not in agent.sampler.interfaces:
        raise HttpError(404, "no_such_interface", "This node has no such interface.")
    kept = agent.store.interface(name)
    state, path = kept.state if kept else None, path_of(agent.files.folder, name)
    body = await asyncio.to_thread(_told_of, path, state, agent.applier.wireguard.fingerprint)
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


def _told_of(path: Path, state: State | None, fingerprint: Fingerprint) -> bytes:
    """Parsing and writing 20,000 peers takes a second: this runs in a thread."""
    nothing: dict[str, Any] = {"generation": None, "interface": None, "peers": []}
    try:
        told = _conf(parse(path.read_text("utf-8")), state, fingerprint)
    except FileNotFoundError:
        told = {"exists": False, **nothing}
    except (BadConf, UnicodeDecodeError, OSError) as error:
        told = {"exists": True, **nothing, "problem": str(error)}
    return json.dumps(told, separators=(",", ":")).encode()


def _conf(conf: ServerConf, state: State | None, fingerprint: Fingerprint) -> dict[str, Any]:
    """Generations of another epoch mean nothing in this one."""
    is_current = conf.state is not None and state is not None and conf.state.epoch == state.epoch
    return {
        "exists": True,
        "generation": conf.state.generation if conf.state and is_current else None,
        "interface": {
            "listen_port": conf.listen_port,
            "addresses": list(conf.addresses),
            "mtu": conf.mtu,
            "fwmark": conf.fwmark,
            "table": conf.table,
        },
        "peers": [_peer(peer, fingerprint) for peer in conf.peers],
    }


def _peer(peer: PeerPart, fingerprint: Fingerprint) -> dict[str, Any]:
    secret = peer.preshared_key
    return {
        "public_key": peer.public_key,
        "allowed_ips": list(peer.allowed_ips),
        "keepalive": peer.keepalive,
        "preshared_key_fingerprint": fingerprint(peer.public_key, secret) if secret else None,
    }
