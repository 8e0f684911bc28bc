"""Bring an interface to what was asked for, and believe only what is read back.

`wg` may leave half of a change behind, or none, with exit code 0. So every write is followed by
a dump, compared, tried once more, and reported as incomplete with what is there instead.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wgpanel_agent.desired.plans import (
    Plan,
    Settings,
    desired_settings,
    plan_changes,
    plan_document,
    refuse_other_link,
    refuse_own_key,
    refuse_shrinking,
    refuse_taken_addresses,
)
from wgpanel_agent.documents import Document, PeerPart
from wgpanel_agent.files.conffile import FOLDER, private_key_in
from wgpanel_agent.host.wireguard import (
    NoSuchInterface,
    Peer,
    Running,
    WireGuard,
    WireGuardError,
    interface_section,
    peer_sections,
)
from wgpanel_agent.http import HttpError
from wgpanel_agent.reporting.snapshot import Sampler

logger = logging.getLogger(__name__)

ATTEMPTS = 2
YOUNG_ENOUGH = 10.0  # seconds: a look on which a change may be planned
MOST_TOLD = 100  # peers named in an error


class ApplyIncomplete(HttpError):
    """Tried twice, and the interface is not as desired."""

    def __init__(self, observed: Sequence[dict[str, Any]], why: str | None) -> None:
        detail = "The interface is not as desired after two attempts."
        detail += f" wg said: {why}." if why else ""
        super().__init__(500, "apply_incomplete", detail, observed=list(observed[:MOST_TOLD]))


@dataclass(frozen=True, slots=True)
class Applied:
    """How many peers; all of it was read back."""

    added: int
    changed: int
    removed: int
    unchanged: int

    @classmethod
    def of(cls, plan: Plan) -> "Applied":
        changed = len(plan.upserts) - plan.added
        return cls(plan.added, changed, len(plan.removals), plan.unchanged)


class Applier:
    """Writes to managed interfaces, one write at a time on each.

    `change` and `bring_to` are whole acts; whoever does more in one go takes the `turn` itself.
    """

    def __init__(
        self,
        wireguard: WireGuard,
        sampler: Sampler,
        *,
        observe_seconds: Callable[[float], None],
        folder: Path = FOLDER,
    ) -> None:
        self.wireguard = wireguard
        self._sampler = sampler
        self._observe_seconds = observe_seconds
        self._folder = folder
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def change(
        self,
        name: str,
        upserts: Sequence[PeerPart] = (),
        removals: Sequence[str] = (),
        confirmed: int | None = None,
    ) -> Applied:
        """Add, change and remove some peers; the others never notice. Raises HttpError."""
        async with self.turn(name):
            running = await self.known(name)
            plan = await plan_changes(running.peers, upserts, removals, self.wireguard.fingerprint)
            refuse_shrinking(len(plan.removals), len(running.peers), confirmed)
            refuse_own_key(upserts, running.public_key)
            await refuse_taken_addresses(running.peers, plan)
            if plan:
                await self.carry_out(name, plan)
            return Applied.of(plan)

    async def bring_to(
        self, name: str, document: Document, confirmed: int | None = None
    ) -> Applied:
        """Make it exactly the document. Raises HttpError."""
        async with self.turn(name):
            running = await self.look(name)
            fingerprint = self.wireguard.fingerprint
            plan = await plan_document(running.peers, document.peers, fingerprint)
            refuse_shrinking(len(plan.removals), len(running.peers), confirmed)
            refuse_own_key(document.peers, running.public_key)
            refuse_other_link(document.interface, self._sampler.interfaces[name].link)
            settings = desired_settings(running, document.interface)
            if plan or not settings.hold(running):
                key = await self._private_key(name)
                await self.synchronise(name, key, settings, document.peers)
            return Applied.of(plan)

    @asynccontextmanager
    async def turn(self, name: str) -> AsyncIterator[None]:
        """The only writer to a managed interface. Raises HttpError, for a WireGuardError too."""
        self._refuse_unmanaged(name)
        began_at = time.perf_counter()
        try:
            async with self._locks[name]:
                yield
        except NoSuchInterface as error:
            raise HttpError(409, "interface_down", f"{name} is not running.") from error
        except WireGuardError as error:
            raise HttpError(503, "wireguard_error", f"wg failed: {error}.") from error
        finally:
            self._observe_seconds(time.perf_counter() - began_at)

    async def known(self, name: str, younger_than: float = YOUNG_ENOUGH) -> Running:
        """What is known, if it is young enough to plan on; other writers are not expected."""
        await self._sampler.look_unless_younger(name, younger_than)
        state = self._sampler.interfaces[name]
        if state.problem is not None:
            raise WireGuardError(state.problem)
        if state.running is None:
            raise NoSuchInterface(name)
        return state.running

    async def look(self, name: str) -> Running:
        """One dump, which everybody else gets to know as well."""
        began_at = time.monotonic()
        running = await self.wireguard.look_at(name)
        await self._sampler.absorb(name, running, began_at)
        return running

    async def carry_out(self, name: str, plan: Plan) -> None:
        """Removals, then upserts, then a look at those; raises ApplyIncomplete."""
        rest = plan
        for attempt in range(ATTEMPTS):
            why = await _complaint(self._write(name, rest))
            news = await self._read_back(name, plan)
            rest = await plan_changes(news, plan.upserts, plan.removals, self.wireguard.fingerprint)
            if not rest:
                return
            if attempt + 1 == ATTEMPTS:
                raise ApplyIncomplete(_observed(rest, news), why)

    async def synchronise(
        self, name: str, key: str, settings: Settings, peers: Sequence[PeerPart]
    ) -> None:
        """Make it exactly these peers and settings; raises ApplyIncomplete."""
        section = interface_section(key, settings.listen_port, settings.fwmark)
        configuration = section + await peer_sections(peers)
        for attempt in range(ATTEMPTS):
            why = await _complaint(self.wireguard.synchronise(name, configuration))
            running = await self.look(name)
            rest = await plan_document(running.peers, peers, self.wireguard.fingerprint)
            if not rest and settings.hold(running):
                return
            if attempt + 1 == ATTEMPTS:
                raise ApplyIncomplete(_observed(rest, running.peers), why)

    def _refuse_unmanaged(self, name: str) -> None:
        state = self._sampler.interfaces.get(name)
        if state is None:
            raise HttpError(404, "no_such_interface", "This node has no such interface.")
        if not state.is_managed:
            raise HttpError(403, "not_managed", "This interface is not the agent's to change.")

    async def _write(self, name: str, plan: Plan) -> None:
        """Removals first: an address may move from one peer of the plan to another."""
        if plan.removals:
            await self.wireguard.remove(name, plan.removals)
        if plan.upserts:
            await self.wireguard.add(name, plan.upserts)

    async def _read_back(self, name: str, plan: Plan) -> dict[str, Peer]:
        at = time.monotonic()
        found = await self.wireguard.read_back(name, plan.touched)
        self._sampler.read_back(name, {key: found.get(key) for key in plan.touched}, at)
        return found

    async def _private_key(self, name: str) -> str:
        """The running one, or that of the operator's file; it is written to `wg` only."""
        key = await self.wireguard.private_key(name)
        key = key or private_key_in(self._folder / f"{name}.conf")
        if key is None:
            raise HttpError(409, "no_private_key", f"{name} has no private key.")
        return key


async def _complaint(write: Awaitable[None]) -> str | None:
    """What `wg` said of a write that failed; what came of it is for the dump to say."""
    try:
        await write
    except WireGuardError as error:
        logger.warning("a write failed: %s", error)
        return str(error)
    return None


def _observed(rest: Plan, running: Mapping[str, Peer]) -> list[dict[str, Any]]:
    """What is there instead of each thing desired; no key material."""
    return [
        {"public_key": key, "observed": _told(running.get(key))} for key in sorted(rest.touched)
    ]


def _told(peer: Peer | None) -> dict[str, Any] | None:
    if peer is None:
        return None
    return {
        "allowed_ips": peer.networks,
        "keepalive": peer.keepalive,
        "preshared_key": peer.fingerprint,
    }
