"""The loop that keeps interfaces as they are desired, with or without the panel.

It looks every few seconds, when a peer's time is up, and once before the agent takes orders. What
it does about a difference is the interface's policy: `enforce` repairs, `alert` and `observe` tell.
Who has expired goes under every policy, and what was never applied as a whole is finished.
"""

import asyncio
import logging
import time
from collections.abc import Iterable

from wgpanel_agent.desired.convergence import Convergence
from wgpanel_agent.desired.drift import Item, is_down
from wgpanel_agent.desired.store import JournalFull, Kept
from wgpanel_agent.files.conffile import is_ours, path_of
from wgpanel_agent.host.wireguard import WireGuardError
from wgpanel_agent.http import HttpError

logger = logging.getLogger(__name__)

YOUNG_ENOUGH = 5.0  # seconds: a look on which a difference may be found


class Repairer:
    """Of all interfaces that have a desired state; `seconds` pass between two looks at most."""

    def __init__(self, convergence: Convergence, seconds: float) -> None:
        self._convergence = convergence
        self._store = convergence.store
        self._seconds = seconds
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Somebody may expire earlier than was known."""
        self._woken.set()

    async def start(self, managed: Iterable[str]) -> None:
        """Before anybody may write: find what is lost, and repair everything once."""
        for name in managed:
            self._find_loss(name)
        for name in self._store.lost_names():
            self._convergence.note(name, "lost")
        await self.repair_all()
        for name in self._store.names():
            self._convergence.files.changed(name)

    async def run(self) -> None:
        """Repair until cancelled."""
        while True:
            await self._wait()
            try:
                await self.repair_all()
            except Exception:  # the top of the loop: one failure must not end all repairs
                logger.exception("a repair failed")

    async def repair_all(self) -> None:
        for name in self._store.names():
            await self.repair(name)

    async def repair(self, name: str) -> None:
        """Look at one interface, and do what its policy says."""
        try:
            async with self._convergence.applier.turn(name):
                kept = self._store.interface(name)
                if kept is not None:  # it may have been deleted while we waited
                    await self._repair(kept)
        except HttpError as error:
            logger.warning("%s is not as desired: %s", name, error)

    async def _repair(self, kept: Kept) -> None:
        name, convergence = kept.name, self._convergence
        try:
            await convergence.ensure_key(name)
            if await convergence.remove_expired(name):
                convergence.files.changed(name)
            items = await convergence.differences(name, YOUNG_ENOUGH)
        except (HttpError, WireGuardError):
            convergence.note(name, "drifted", [is_down("error")])
            raise
        if not items:
            convergence.note_applied(name)
        elif self._may_repair(kept):
            await self._enforce(kept, items)
        else:
            convergence.note(name, "drifted", items)

    def _may_repair(self, kept: Kept) -> bool:
        if self._convergence.links.is_stopped(kept.name):
            return False
        return kept.part.policy == "enforce" or not kept.is_applied

    async def _enforce(self, kept: Kept, items: list[Item]) -> None:
        logger.warning("%s differs from what is desired: %s", kept.name, _told(items))
        try:
            await self._convergence.bring(kept.name)
        except (HttpError, WireGuardError):
            await self._convergence.note_shortfall(kept.name)
            raise
        self._convergence.note_applied(kept.name)

    def _find_loss(self, name: str) -> None:
        """A file of ours, and nothing about it in the journal: the journal was taken away."""
        path = path_of(self._convergence.folder, name)
        if self._store.interface(name) is None and is_ours(path):
            logger.error("%s has a file of this agent, but no desired state", name)
            try:
                self._store.mark_lost(name)
            except JournalFull as error:
                logger.error("the journal cannot be written: %s", error)

    async def _wait(self) -> None:
        """Until the next look is due, or the second in which the next peer expires."""
        due_at = time.monotonic() + self._seconds
        while True:
            self._woken.clear()
            try:
                await asyncio.wait_for(self._woken.wait(), self._pause(due_at))
            except TimeoutError:
                return

    def _pause(self, due_at: float) -> float:
        now = self._convergence.clock()
        return min([due_at - time.monotonic(), *(at - now for at in self._expiries(now))])

    def _expiries(self, now: float) -> Iterable[int]:
        for name in self._store.names():
            for peer in self._store.peers(name).values():
                if peer.expires_at is not None and peer.expires_at > now:
                    yield peer.expires_at


def _told(items: list[Item]) -> str:
    kinds = [item.kind for item in items]
    return ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
