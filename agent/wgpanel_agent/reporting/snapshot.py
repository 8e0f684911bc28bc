"""The background sampler: the node is read here, at a steady pace, and requests read the result.

No request forks. A look that fails leaves the data as it was, sets the interface's status to
`error` and lets its age grow.
"""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from wgpanel_agent.host.system import Machine, links
from wgpanel_agent.host.wireguard import (
    Look,
    NoSuchInterface,
    Peer,
    Running,
    WireGuard,
    WireGuardError,
)
from wgpanel_agent.reporting.reports import SystemReport
from wgpanel_agent.reporting.states import Conformity, InterfaceState

logger = logging.getLogger(__name__)

CPU_SECONDS = 1.0
LATE = 3  # looks missed before the snapshot counts as down


@dataclass(frozen=True, slots=True)
class Pace:
    """In seconds. A peer is active while its last handshake is younger than `active`."""

    look: float = 5.0
    active: float = 180.0


class Sampler:
    """Keeps `interfaces` and `system` current. `version` grows with every change of either."""

    def __init__(
        self,
        wireguard: WireGuard,
        machine: Machine,
        managed: tuple[str, ...],
        pace: Pace,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.interfaces: dict[str, InterfaceState] = {
            name: InterfaceState(name, is_managed=True) for name in managed
        }
        self.system = SystemReport()
        self.version = 0
        self.after_look: Callable[[], Awaitable[None]] | None = None
        self._wireguard = wireguard
        self._machine = machine
        self._pace = pace
        self.now = clock  # monotonic
        self._looking = asyncio.Lock()
        self._writers = 0
        self._is_quiet = asyncio.Event()
        self._is_quiet.set()
        self._look_began_at = -math.inf
        self._cpu_percent: float | None = None

    @property
    def managed(self) -> list[InterfaceState]:
        return [state for state in self.interfaces.values() if state.is_managed]

    @property
    def problems(self) -> list[str]:
        """Why the node is not healthy, in sentences; empty if it is."""
        return [words for state in self.managed if (words := self._problem(state))]

    def age(self) -> float | None:
        """Of the oldest data that counts, in seconds; None until every interface was seen."""
        ages = [state.age(self.now()) for state in self.managed]
        known = [age for age in ages if age is not None]
        return max(known, default=0.0) if len(known) == len(ages) else None

    async def run(self) -> None:
        """Sample until cancelled."""
        await asyncio.gather(
            self._every(self._pace.look, self._look_when_quiet),
            self._every(CPU_SECONDS, self._read_cpu),
        )

    async def look(self) -> None:
        """Read everything now. Whoever asks while a look runs waits for the next one."""
        asked_at = self.now()
        async with self._looking:
            if self._look_began_at < asked_at:
                await self._look()

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """While an interface is written whole, and read back: until then `wg` answers nobody who
        asks for it, and what it would say is known at the end."""
        self._writers += 1
        self._is_quiet.clear()
        try:
            yield
        finally:
            self._writers -= 1
            if not self._writers:
                self._is_quiet.set()

    async def look_unless_younger(self, name: str, seconds: float) -> None:
        """Read everything, unless what is known of this interface is young enough."""
        state = self.interfaces.get(name)
        age = state.age(self.now()) if state else None
        if age is None or age > seconds:
            await self.look()

    async def absorb(self, name: str, running: Running, began_at: float) -> None:
        """Take a look at the whole of one interface."""
        active_since = time.time() - self._pace.active
        state = self._state(name)
        await state.absorb(running, began_at, active_since)
        state.link = state.link or links({name}).get(name)  # of one that was just made
        self.version += 1

    def read_back(self, name: str, news: Mapping[str, Peer | None], at: float) -> None:
        """Take what an apply saw of some peers; None for one that is gone."""
        self._state(name).read_back(news, at)
        self.version += 1

    def manage(self, name: str) -> None:
        """From here on this interface is the agent's to change; it may not be there yet."""
        self._state(name).is_managed = True
        self.version += 1

    def release(self, name: str) -> None:
        """It is the agent's no longer, and known only while it is there."""
        state = self._state(name)
        state.is_managed, state.conformity = False, None
        if state.running is None:
            del self.interfaces[name]
        self.version += 1

    def conform(self, name: str, conformity: Conformity | None) -> None:
        """Take how a managed interface stands to its desired state; None where it has none."""
        self._state(name).conformity = conformity
        self.version += 1

    async def _look_when_quiet(self) -> None:
        """A little later at most: there may be other interfaces."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._is_quiet.wait(), self._pace.look)
        await self.look()

    async def _look(self) -> None:
        began_at = self._look_began_at = self.now()
        seen = await self._see()
        for name, running in seen.interfaces.items():
            await self.absorb(name, running, began_at)
        self._note_absence(seen, began_at)
        self._read_machine()
        if self.after_look:
            await self.after_look()
        self.version += 1

    async def _see(self) -> Look:
        """All at once; if that gives no answer each managed interface alone, so that one which
        hangs does not hide the others."""
        try:
            return await self._wireguard.look_at_all()
        except WireGuardError as error:
            logger.warning("%s", error)
        names = [state.name for state in self.managed]
        looks = dict(zip(names, await asyncio.gather(*map(self._see_one, names)), strict=True))
        unreadable = {name: "not looked at" for name in self.interfaces if name not in looks}
        unreadable |= {name: it for name, it in looks.items() if isinstance(it, str)}
        return Look({n: it for n, it in looks.items() if isinstance(it, Running)}, unreadable)

    async def _see_one(self, name: str) -> Running | str | None:
        """The interface, None where there is none, or why it cannot be read."""
        try:
            return await self._wireguard.look_at(name)
        except NoSuchInterface:
            return None
        except WireGuardError as error:
            return str(error)

    def _state(self, name: str) -> InterfaceState:
        return self.interfaces.setdefault(name, InterfaceState(name, is_managed=False))

    def _note_absence(self, seen: Look, began_at: float) -> None:
        for name, why in seen.unreadable.items():
            self._state(name).problem = why
        for name in self.interfaces.keys() - seen.interfaces.keys() - seen.unreadable.keys():
            if self.interfaces[name].is_managed:
                self.interfaces[name].lose(began_at)
            else:
                del self.interfaces[name]

    def _read_machine(self) -> None:
        found = links(self.interfaces)
        for name, state in self.interfaces.items():
            state.link = found.get(name)
        self.system = self._machine.report(self._cpu_percent, self.interfaces)

    async def _read_cpu(self) -> None:
        self._cpu_percent = self._machine.cpu.read()
        self.system = self.system._replace(cpu_percent=self._cpu_percent)
        self.version += 1

    def _problem(self, state: InterfaceState) -> str | None:
        if state.status != "up":
            return f"{state.name} is {state.status}: {state.problem or 'not running'}"
        age = state.age(self.now())
        if age is None or age > LATE * self._pace.look + self._wireguard.read_timeout:
            return f"{state.name} was not looked at in time"
        return None

    async def _every(self, seconds: float, act: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await act()
            except Exception:  # the top of the sampler: /health tells when looks stay out
                logger.exception("a look at the node failed")
            await asyncio.sleep(seconds)
