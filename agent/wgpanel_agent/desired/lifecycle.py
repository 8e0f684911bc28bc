"""Interfaces come up, change, and go: everything of them that `wg` itself does not hold.

Nothing here takes a tunnel down to change it. What the agent did not put there stays: foreign
addresses, routes, nftables tables and files. An interface that fails half-way is taken away again.
Callers hold the interface's turn. Raises HttpError for what an operator must decide, and
WireGuardError for what failed.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Protocol

from wgpanel_agent.desired.drift import Item
from wgpanel_agent.desired.occupied import (
    refuse_agents_port,
    refuse_foreign,
    refuse_others_port,
    refuse_taken_port,
)
from wgpanel_agent.desired.store import Kept
from wgpanel_agent.documents import InterfacePart, PeerPart
from wgpanel_agent.files.conffile import ConfFiles
from wgpanel_agent.files.marks import MarkFiles
from wgpanel_agent.host import forwarding, iproute, nat, wgquick
from wgpanel_agent.host.routing import WantedRoutes
from wgpanel_agent.host.system import Link, links
from wgpanel_agent.host.wireguard import (
    WireGuard,
    WireGuardError,
    interface_section,
    peer_sections,
)
from wgpanel_agent.http import HttpError

logger = logging.getLogger(__name__)


class Journal(Protocol):
    """What is desired."""

    def interface(self, name: str) -> Kept | None: ...

    def peers(self, name: str) -> Mapping[str, PeerPart]: ...

    def names(self) -> list[str]: ...


class Lifecycle:
    """Of all managed interfaces; `folder` is the agent's own, `clock` gives Unix seconds."""

    def __init__(
        self,
        journal: Journal,
        wireguard: WireGuard,
        files: ConfFiles,
        folder: Path,
        *,
        named: Collection[str] = (),
        ports: Collection[int] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`named` in the configuration, so the agent's whatever is there; `ports` are its own."""
        self._marks = MarkFiles(folder / "links")
        self._named = named
        self._ports = ports
        self._journal = journal
        self._wireguard = wireguard
        self._files = files
        self._folder = folder
        self._clock = clock
        self._routes: defaultdict[str, WantedRoutes] = defaultdict(WantedRoutes)
        self._tables: dict[str, str] = {}  # what was loaded into nftables

    def refuse_conflicts(self, name: str, part: InterfacePart) -> None:
        """Before the journal takes it. Raises HttpError 409, or InvalidDocument."""
        kept, is_there = self._journal.interface(name), link_of(name) is not None
        if kept is None and name not in self._named:
            refuse_foreign(name, self._files.folder)
        refuse_agents_port(part.listen_port, self._ports)
        others = {it.name: it.part.listen_port for it in self._others(name)}
        refuse_others_port(part.listen_port, others)
        is_same = kept is not None and kept.part.listen_port == part.listen_port
        if not is_there or not (kept is None or is_same):
            refuse_taken_port(part.listen_port)

    def is_stopped(self, name: str) -> bool:
        """Somebody took it down on purpose."""
        return self._marks.of(name).is_stopped

    async def ensure(self, name: str) -> None:
        """It exists, is up, and its link is as the journal wants it; an interface that an operator
        took down stays so (409)."""
        kept = self._kept(name)
        if self.is_stopped(name):
            raise HttpError(409, "interface_down", f"{name} was taken down; take it up first.")
        if link_of(name) is None:
            await self._start(kept)
        elif await self._wireguard.has(name):
            await self._settle(kept)
        else:
            raise HttpError(409, "not_managed", f"{name} is not a WireGuard interface.")

    async def up(self, name: str) -> None:
        """Also after `down`."""
        self._kept(name)
        self._marks.stop(name, is_stopped=False)
        await self.ensure(name)

    async def down(self, name: str) -> None:
        """Until `up`, also after a restart of the agent."""
        self._kept(name)
        self._marks.stop(name, is_stopped=True)
        await self._take_away(name)

    async def remove(self, name: str) -> None:
        """The interface, its table, its file; the journal is the caller's. Raises OSError too."""
        await self._take_away(name)
        await self._files.remove(name)
        self._marks.forget(name)
        self._routes.pop(name, None)

    async def differences(self, name: str) -> list[Item]:
        """What `ensure` would repair on an interface that exists."""
        kept, link = self._kept(name), link_of(name)
        if link is None:
            return [Item("interface", None, "status", "up", "down")]
        observed = await self._observed(kept, link)
        return [
            Item("interface", None, field, desired, observed[field])
            for field, desired in self._desired(kept, link).items()
            if desired != observed[field]
        ]

    def _others(self, name: str) -> list[Kept]:
        found = (self._journal.interface(it) for it in self._journal.names() if it != name)
        return [it for it in found if it is not None]

    def _kept(self, name: str) -> Kept:
        kept = self._journal.interface(name)
        if kept is None or kept.private_key is None:
            raise HttpError(409, "no_desired_state", f"{name} has no desired state.")
        return kept

    async def _start(self, kept: Kept) -> None:
        """A new interface comes whole or not at all; one that had been whole before is better up
        without its forwarding than down."""
        refuse_taken_port(kept.part.listen_port)
        is_made = False
        try:
            await self._make(kept)
            is_made = True
            await self._settle(kept)
        except (WireGuardError, OSError) as error:
            if not is_made or kept.applied_generation is None:
                await self._give_up(kept.name)
            detail = f"{kept.name} could not be started: {str(error).rstrip('.')}."
            raise HttpError(500, "start_failed", detail) from error

    async def _make(self, kept: Kept) -> None:
        """wg-quick, then the peers: until then nobody can connect, and nobody is lost."""
        name, part, key = kept.name, kept.part, kept.private_key or ""
        self._marks.own(name, part.addresses)
        peers, now = self._journal.peers(name).values(), self._clock()
        wanted = [peer for peer in peers if not peer.is_expired(now)]
        sections, _ = await asyncio.gather(
            peer_sections(wanted), wgquick.up(name, part, key, self._folder)
        )
        section = interface_section(key, part.listen_port, part.fwmark)
        await self._wireguard.synchronise(name, section + sections)

    async def _give_up(self, name: str) -> None:
        try:
            await self._take_away(name)
        except WireGuardError as error:
            logger.error("what is left of %s cannot be removed: %s", name, error)

    async def _take_away(self, name: str) -> None:
        if link_of(name) is not None:
            await iproute.delete_link(name)
        await self._set_table(name, nat.removal(name))

    async def _settle(self, kept: Kept) -> None:
        """Bring the link to what is wanted; whatever is right already is left alone."""
        name, part = kept.name, kept.part
        await self._set_addresses(name, part)
        link = link_of(name)
        if link and part.mtu not in (None, link.mtu):
            await iproute.set_mtu(name, int(part.mtu or link.mtu))
        if link and not link.is_up:
            await iproute.set_up(name)
        await asyncio.to_thread(forwarding.switch_on, part)
        await self._set_table(name, nat.render(name, part))
        await self._set_routes(kept)

    async def _set_addresses(self, name: str, part: InterfacePart) -> None:
        """New ones first. With the first address of a network the kernel drops the others of it
        (promote_secondaries), so those are looked for again."""
        own = self._marks.of(name).addresses
        self._marks.own(name, tuple(dict.fromkeys((*own, *part.addresses))))
        await self._add_addresses(name, part)
        for address in own:
            if address not in part.addresses and address in _addresses(name):
                await iproute.remove_address(name, address)
        await self._add_addresses(name, part)
        self._marks.own(name, part.addresses)

    async def _add_addresses(self, name: str, part: InterfacePart) -> None:
        present = _addresses(name)
        for address in part.addresses:
            if address not in present:
                await iproute.add_address(name, address)

    async def _set_table(self, name: str, text: str) -> None:
        is_loaded = await nat.is_loaded(name)
        is_right = is_loaded and self._tables.get(name) == text
        if is_right or (not is_loaded and text == nat.removal(name)):
            return
        await nat.load(text)
        self._tables[name] = text

    async def _set_routes(self, kept: Kept) -> None:
        wanted, found = self._wanted_routes(kept), await iproute.routes(kept.name)
        await iproute.change_routes(kept.name, wanted - found, found - wanted)

    def _wanted_routes(self, kept: Kept) -> frozenset[iproute.Route]:
        peers = self._journal.peers(kept.name)
        return self._routes[kept.name].of(kept.part, peers, self._clock())

    def _desired(self, kept: Kept, link: Link) -> dict[str, Any]:
        part = kept.part
        return {
            "addresses": sorted(part.addresses),
            "mtu": part.mtu or link.mtu,
            "forward": part.forward,
            "masquerade": part.masquerade,
            "routes": _told(self._wanted_routes(kept)),
        }

    async def _observed(self, kept: Kept, link: Link) -> dict[str, Any]:
        """Addresses of others are nobody's drift."""
        name, part = kept.name, kept.part
        known = {*part.addresses, *self._marks.of(name).addresses}
        is_loaded = await nat.is_loaded(name)
        return {
            "addresses": sorted(known & set(link.addresses)),
            "mtu": link.mtu,
            "forward": part.forward and is_loaded and forwarding.is_complete(part),
            "masquerade": part.masquerade and is_loaded,
            "routes": _told(await iproute.routes(name)),
        }


def link_of(name: str) -> Link | None:
    return links({name}).get(name)


def _addresses(name: str) -> tuple[str, ...]:
    link = link_of(name)
    return link.addresses if link else ()


def _told(routes: frozenset[iproute.Route] | set[iproute.Route]) -> list[str]:
    return [f"{route.network} table {route.table}" for route in sorted(routes)]
