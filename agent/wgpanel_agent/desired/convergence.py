"""Bring an interface to its entry in the journal, or say how it differs from it.

Whoever calls holds the interface's turn. Everything that was written is read back before the
generation counts as applied.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from wgpanel_agent.desired.apply import Applied, Applier
from wgpanel_agent.desired.drift import Item, is_down, peer_items, settings_items
from wgpanel_agent.desired.plans import Plan, Settings, plan_changes, plan_document
from wgpanel_agent.desired.store import JournalFull, Kept, Store
from wgpanel_agent.documents import Delta, InterfacePart, PeerPart
from wgpanel_agent.files.conffile import FOLDER, private_key_in
from wgpanel_agent.host.iproute import wanted_routes
from wgpanel_agent.host.wireguard import Fingerprint, NoSuchInterface, Running, WireGuardError
from wgpanel_agent.http import HttpError
from wgpanel_agent.reporting.snapshot import Sampler
from wgpanel_agent.reporting.states import Conformity

logger = logging.getLogger(__name__)

SHORT_AGO = 2.0  # seconds: what a failed write has just seen
MOST_CHANGES = 500  # peer by peer; beyond that the whole interface goes to `wg` at once


class Links(Protocol):
    """What an interface is besides what `wg` holds: link, addresses, MTU, routes, forwarding."""

    async def ensure(self, name: str) -> None:
        """It exists, is up and is as the journal wants it; the key is in the journal. Raises
        HttpError or WireGuardError."""

    async def differences(self, name: str) -> Sequence[Item]:
        """What `ensure` would repair on an interface that exists. Raises WireGuardError."""

    def refuse_conflicts(self, name: str, part: InterfacePart) -> None:
        """Before the journal takes it: a port of somebody else, a file of somebody else. Raises
        HttpError or InvalidDocument."""

    def is_stopped(self, name: str) -> bool:
        """Somebody took it down on purpose: it stays down until the same somebody says."""


class ConfFiles(Protocol):
    """Writes /etc/wireguard/<iface>.conf, soon."""

    def changed(self, name: str) -> None:
        """The journal's entry has changed, or who of its peers has expired."""


def disk_full(error: JournalFull) -> HttpError:
    detail = f"The journal cannot be written ({error}); nothing was changed."
    return HttpError(507, "disk_full", detail)


class Convergence:
    """The one way from the journal to the interface. `clock` is Unix time, in seconds."""

    def __init__(
        self,
        store: Store,
        applier: Applier,
        sampler: Sampler,
        links: Links,
        files: ConfFiles,
        *,
        folder: Path = FOLDER,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.store = store
        self.applier = applier
        self.links = links
        self.files = files
        self.clock = clock
        self.sampler = sampler
        self.folder = folder
        self._public_keys: dict[str, str] = {}

    def wanted(self, name: str) -> list[PeerPart]:
        """Who may connect: an expired peer is in the journal only."""
        now = self.clock()
        return [it for it in self.store.peers(name).values() if not it.is_expired(now)]

    async def bring(self, name: str) -> Applied:
        """Make the interface what the journal wants, all of it. Raises HttpError and
        WireGuardError; then it is incomplete, and the next repair tries again."""
        with self.sampler.quiet():
            fault = await self._link_fault(name)
            try:
                applied = await self._bring_peers(name)
            except NoSuchInterface as error:
                raise fault or error from error
        if fault:  # whoever may connect does so even where, say, forwarding cannot be had
            raise fault
        return applied

    async def _link_fault(self, name: str) -> HttpError | WireGuardError | None:
        try:
            await self.links.ensure(name)
        except (HttpError, WireGuardError) as error:
            return error
        return None

    async def _bring_peers(self, name: str) -> Applied:
        running = await self.applier.look(name)
        wanted = self.wanted(name)
        plan = await plan_document(running.peers, wanted, self._fingerprint)
        settings = await self._settings(self.kept(name), running)
        if settings.hold(running) and len(plan.touched) <= MOST_CHANGES:
            await self._carry_out(name, plan)
        else:
            key = self.store.private_key(name) or ""
            await self.applier.synchronise(name, key, settings, wanted)
        return Applied.of(plan)

    async def change(self, name: str, *, before: Mapping[str, PeerPart], delta: Delta) -> Applied:
        """Bring the peers of a delta only; `before` are those that the journal had."""
        try:
            running = await self.applier.known(name)
        except NoSuchInterface:
            return await self.bring(name)
        now = self.clock()
        wanted = [peer for peer in delta.upsert if not peer.is_expired(now)]
        expired = [peer.public_key for peer in delta.upsert if peer.is_expired(now)]
        plan = await plan_changes(
            running.peers, wanted, [*delta.remove, *expired], self._fingerprint
        )
        await self._carry_out(name, plan)
        left = [before[key] for key in plan.touched if key in before]
        if wanted_routes(self.kept(name).part, [*left, *plan.upserts]):
            await self.links.ensure(name)
        return Applied.of(plan)

    async def differences(self, name: str, younger_than: float) -> list[Item]:
        """How what runs differs from the journal; raises WireGuardError where nobody knows."""
        try:
            running = await self.applier.known(name, younger_than)
        except NoSuchInterface:
            return [is_down()]
        if self.sampler.interfaces[name].status != "up":
            return [is_down()]
        settings = await self._settings(self.kept(name), running)
        items = [*await self.links.differences(name), *settings_items(settings, running)]
        plan = await plan_document(running.peers, self.wanted(name), self._fingerprint)
        return items + peer_items(plan, running.peers, self._fingerprint, self._expired(name))

    async def remove_expired(self, name: str) -> bool:
        """Whether anybody had to go. That is not repair: it happens whatever the policy."""
        expired = self._expired(name)
        if not expired:
            return False
        try:
            running = await self.applier.known(name)
        except NoSuchInterface:
            return False
        plan = await plan_changes(running.peers, (), expired, self._fingerprint)
        await self._carry_out(name, plan)
        return bool(plan)

    async def running_keys(self, name: str) -> set[str]:
        """The peers of an interface, which may not be there."""
        try:
            return set((await self.applier.look(name)).peers)
        except NoSuchInterface:
            return set()

    async def own_key(self, name: str) -> str | None:
        """The public key to the private one in the journal, or else the running one."""
        private = self.store.private_key(name)
        if private is None:
            running = self.sampler.interfaces[name].running
            return running.public_key if running else None
        if private not in self._public_keys:
            self._public_keys[private] = await self.applier.wireguard.public_key(private)
        return self._public_keys[private]

    async def ensure_key(self, name: str) -> None:
        """The journal has the key that clients know: the running one, else that of the file; a
        new one only for an interface that is not there. Raises HttpError."""
        if self.store.private_key(name) is not None:
            return
        in_file = private_key_in(self.folder / f"{name}.conf")
        try:
            key = await self.applier.wireguard.private_key(name) or in_file
        except NoSuchInterface:
            key = in_file or await self.applier.wireguard.new_private_key()
        if key is None:
            raise HttpError(409, "no_private_key", f"{name} has no private key.")
        try:
            self.store.keep_private_key(name, key)
        except JournalFull as error:
            raise disk_full(error) from error

    def condition(self, name: str) -> str:
        """As it was noted last."""
        conformity = self.sampler.interfaces[name].conformity
        return conformity.condition if conformity else "incomplete"

    def note(self, name: str, condition: str, items: Sequence[Item] = ()) -> None:
        """Let the next report tell it."""
        kept = self.store.interface(name)
        state, applied = (kept.state, kept.applied_generation) if kept else (None, None)
        self.sampler.conform(name, Conformity(state, condition, tuple(items), applied))

    def note_applied(self, name: str) -> None:
        """All of it was seen. Where the journal cannot be told, the next repair looks again."""
        kept = self.kept(name)
        try:
            if not kept.is_applied:
                self.store.mark_applied(name, kept.state.generation)
        except JournalFull as error:
            logger.warning("%s: cannot mark what was applied: %s", name, error)
        self.note(name, "in_sync")

    async def note_shortfall(self, name: str) -> None:
        """It could not be applied; say what is there instead."""
        try:
            items = await self.differences(name, SHORT_AGO)
        except WireGuardError:
            items = [is_down("error")]
        self.note(name, "incomplete", items)

    @property
    def _fingerprint(self) -> Fingerprint:
        return self.applier.wireguard.fingerprint

    def kept(self, name: str) -> Kept:
        kept = self.store.interface(name)
        if kept is None:
            raise HttpError(409, "no_desired_state", f"{name} has no desired state.")
        return kept

    def _expired(self, name: str) -> set[str]:
        now = self.clock()
        return {key for key, it in self.store.peers(name).items() if it.is_expired(now)}

    async def _carry_out(self, name: str, plan: Plan) -> None:
        if plan:
            await self.applier.carry_out(name, plan)

    async def _settings(self, kept: Kept, running: Running) -> Settings:
        own = await self.own_key(kept.name) or running.public_key
        return Settings(own, kept.part.listen_port, kept.part.fwmark)
