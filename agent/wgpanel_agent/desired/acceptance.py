"""Desired state: what a whole document or a delta must pass, and what then happens, in order.

Checked against the journal, committed to the journal, brought to the interface, read back, marked
as applied. One write at a time on each interface; a write that comes twice does nothing.
"""

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from wgpanel_agent.desired.apply import Applied
from wgpanel_agent.desired.convergence import Convergence, disk_full
from wgpanel_agent.desired.drift import is_down
from wgpanel_agent.desired.plans import AddressTaken, refuse_own_key, refuse_shrinking
from wgpanel_agent.desired.store import JournalFull, Kept
from wgpanel_agent.documents import (
    Delta,
    InvalidDocument,
    PeerPart,
    State,
    WholeDocument,
    hash_sum,
    parse_if_match,
)
from wgpanel_agent.host.wireguard import WireGuardError
from wgpanel_agent.http import HttpError
from wgpanel_agent.slices import in_slices


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a write that was accepted; `condition` is that of the interface now."""

    state: State
    applied: Applied
    condition: str
    public_key: str | None
    is_new: bool = False


class Desired:
    """Takes what the panel wants. All of it raises HttpError."""

    def __init__(self, convergence: Convergence, *, woken: Callable[[], None]) -> None:
        """`woken` is called after each commit: somebody may expire earlier than was known."""
        self._convergence = convergence
        self._store = convergence.store
        self._woken = woken

    async def create(self, name: str, given: State | None, document: WholeDocument) -> Outcome:
        """Like `put_whole`, also for an interface that is not there yet."""
        sampler = self._convergence.sampler
        if name in sampler.interfaces:
            return await self.put_whole(name, given, document)
        sampler.manage(name)
        try:
            return await self.put_whole(name, given, document)
        finally:
            if self._store.interface(name) is None:
                sampler.release(name)

    async def put_whole(self, name: str, given: State | None, document: WholeDocument) -> Outcome:
        """`given` is what If-Match said, None for no state at all."""
        async with self._turn(name):
            kept = self._store.interface(name)
            if is_repeated(kept, document.state, document.replaces_epoch):
                return await self._repeat(name)
            refuse_other_state(kept, given)
            await refuse_wrong_sum(document)
            await self._refuse_shrinking(name, document)
            refuse_own_key(document.peers, await self._convergence.own_key(name))
            self._convergence.links.refuse_conflicts(name, document.interface)
            await self._convergence.ensure_key(name)
            await self._commit(name, lambda: self._store.commit_whole(name, document))
            outcome = await self._apply(name, self._convergence.bring)
            return replace(outcome, is_new=kept is None)

    async def put_delta(self, name: str, given: State | None, delta: Delta) -> Outcome:
        """A delta needs exactly the state that it is based on."""
        async with self._turn(name):
            kept = self._store.interface(name)
            if is_repeated(kept, delta.state, None):
                return await self._repeat(name)
            refuse_other_state(kept, given)
            before = self._store.peers(name)
            refuse_other_base(kept, before, delta)
            refuse_taken(before, delta)
            gone = sum(key in before for key in delta.remove)
            refuse_shrinking(gone, len(before), delta.confirm_removals)
            refuse_own_key(delta.upsert, await self._convergence.own_key(name))
            await self._commit(name, lambda: self._store.commit_delta(name, delta))
            if kept is None or not kept.is_applied:
                return await self._apply(name, self._convergence.bring)
            change = functools.partial(self._convergence.change, before=before, delta=delta)
            return await self._apply(name, change)

    @asynccontextmanager
    async def turn(self, name: str, given: State | None) -> AsyncIterator[None]:
        """For writes that are no documents: the only writer, and 412 unless this is the state."""
        async with self._turn(name):
            refuse_other_state(self._store.interface(name), given)
            yield

    def condition_of(self, name: str, if_match: str | None) -> State | None:
        """The state that If-Match names; 428 without one, 412 for `*` and whatever else."""
        if if_match is None:
            detail = "A write needs If-Match, with the state that the node is thought to have."
            raise HttpError(428, "if_match_required", detail)
        with self._telling(name):
            try:
                return parse_if_match(if_match)
            except InvalidDocument as error:
                raise precondition_failed(f"{error}.") from error

    def refuse_desired(self, name: str) -> None:
        """For writes of single peers: 409 where they would contradict a desired state."""
        if self._store.interface(name) or self._store.is_lost(name):
            detail = f"{name} has a desired state: send a delta or a whole document."
            with self._telling(name):
                raise HttpError(409, "desired_state", detail)

    @asynccontextmanager
    async def _turn(self, name: str) -> AsyncIterator[None]:
        with self._telling(name):
            async with self._convergence.applier.turn(name):
                yield

    @contextmanager
    def _telling(self, name: str) -> Iterator[None]:
        """Refusals that are about the state name the node's."""
        try:
            yield
        except HttpError as error:
            if error.status in (409, 412):
                error.extra |= told(self._store.interface(name))
            raise

    async def _refuse_shrinking(self, name: str, document: WholeDocument) -> None:
        """Against the journal, or what runs where there is none."""
        before = set(self._store.peers(name))
        if self._store.interface(name) is None:
            before = await self._convergence.running_keys(name)
        removals = len(before - {it.public_key for it in document.peers})
        refuse_shrinking(removals, len(before), document.confirm_removals)

    async def _commit(self, name: str, commit: Callable[[], None]) -> None:
        """Before anything is done: what is desired must not be known to `wg` alone."""
        try:
            await asyncio.to_thread(commit)
        except JournalFull as error:
            raise disk_full(error) from error
        self._convergence.files.changed(name)
        self._woken()

    async def _repeat(self, name: str) -> Outcome:
        """The answer was lost, or the agent was killed before it was done."""
        kept = self._store.interface(name)
        if kept is None or not kept.is_applied:
            return await self._apply(name, self._convergence.bring)
        nothing = Applied(0, 0, 0, len(self._store.peers(name)))
        return await self._outcome(name, nothing)

    async def _apply(self, name: str, act: Callable[[str], Awaitable[Applied]]) -> Outcome:
        if self._convergence.links.is_stopped(name):
            self._convergence.note(name, "drifted", [is_down()])
            return await self._outcome(name, Applied(0, 0, 0, 0))
        try:
            applied = await act(name)
        except (HttpError, WireGuardError):
            await self._convergence.note_shortfall(name)
            raise
        self._convergence.note_applied(name)
        return await self._outcome(name, applied)

    async def _outcome(self, name: str, applied: Applied) -> Outcome:
        kept = self._convergence.kept(name)
        public_key = await self._convergence.own_key(name)
        return Outcome(kept.state, applied, self._convergence.condition(name), public_key)


def told(kept: Kept | None) -> dict[str, Any]:
    state = kept.state if kept else None
    return {
        "epoch": state.epoch if state else None,
        "generation": state.generation if state else None,
        "hash": state.hash if state else None,
    }


def is_repeated(kept: Kept | None, wanted: State, replaces_epoch: str | None) -> bool:
    """Whether the node has exactly this already; raises HttpError where it has something newer,
    something else, or follows another panel."""
    if kept is None:
        return False
    if wanted.epoch != kept.state.epoch:
        if replaces_epoch == kept.state.epoch:
            return False
        raise HttpError(409, "epoch_mismatch", "This node follows another epoch.")
    if wanted.generation < kept.state.generation:
        raise HttpError(409, "stale", f"This node has generation {kept.state.generation}.")
    if wanted.generation > kept.state.generation:
        return False
    if wanted.hash != kept.state.hash:
        raise HttpError(409, "conflict", "This node has another state of this generation.")
    return True


def precondition_failed(detail: str) -> HttpError:
    return HttpError(412, "precondition_failed", detail)


def refuse_other_state(kept: Kept | None, given: State | None) -> None:
    if given != (kept.state if kept else None):
        raise precondition_failed("If-Match is not the state that this node has.")


async def refuse_wrong_sum(document: WholeDocument) -> None:
    """A document that lost something on its way must not be believed."""
    digests = [peer.digest() async for peer in in_slices(document.peers)]
    if hash_sum("0", [document.interface.digest(), *digests]) != document.state.hash:
        detail = "The document is not what its hash says."
        raise HttpError(422, "hash_mismatch", detail, field="hash")


def refuse_other_base(kept: Kept | None, before: Mapping[str, PeerPart], delta: Delta) -> None:
    """Without the very state that a delta starts from, only a whole document helps: 412."""
    if kept is None or delta.base != kept.state.generation:
        raise precondition_failed("This node does not have the generation that is the base.")
    gone = {*delta.remove, *(peer.public_key for peer in delta.upsert)}
    after = hash_sum(
        kept.state.hash,
        add=[peer.digest() for peer in delta.upsert],
        subtract=[before[key].digest() for key in gone if key in before],
    )
    if after != delta.hash:
        raise HttpError(412, "hash_mismatch", "The changes do not lead to this hash.")


def refuse_taken(before: Mapping[str, PeerPart], delta: Delta) -> None:
    """Raises AddressTaken where a peer that the delta leaves alone has an address it gives away.

    One delta asks this of every peer, so it is two milliseconds for 20,000 of them, and no slices.
    """
    wanted = {network: it.public_key for it in delta.upsert for network in it.allowed_ips}
    touched, is_free = {*delta.remove, *wanted.values()}, frozenset(wanted).isdisjoint
    holders = [it for it in before.values() if not is_free(it.allowed_ips)]
    for holder in holders:
        if holder.public_key not in touched:
            network = next(it for it in holder.allowed_ips if it in wanted)
            raise AddressTaken(network, holder.public_key, wanted[network])
