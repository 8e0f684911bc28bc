"""Ask many agents at once: one thread, one event loop, one connector and one session a process.

The loop outlives a round, so connections stay open from round to round. Several rounds may run at
the same time; they share the limits below, which hold for the process.
"""

import asyncio
import atexit
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Generic, TypeVar

import aiohttp
import uvloop
from yarl import URL

from nodes.calling.exchange import AgentError, Received
from nodes.calling.pinning import CONTEXT, Pinned
from nodes.calling.pins import Pins
from nodes.calling.wire import MAX_ANSWER_BYTES, failure_of, not_connected, too_large, too_slow
from nodes.polls import cadence, process_limits
from nodes.polls.sessions import Sessions

T = TypeVar("T")
E = TypeVar("E", bound="Errand")

# Who waits longer does not keep others from being asked.
BRISK_SECONDS = 1.0
SILENT_PER_BRISK = 4
LOOK_SECONDS = 0.25
# Answers are handed on when all have come or so many, else at this pace.
PORTION = 250
PORTION_SECONDS = 0.5
NOT_RUN = AgentError("not_run", "Nobody has asked yet.")


@dataclass(slots=True)
class Errand:
    """A GET to carry to one agent, and what came of it; times are Unix time.

    Without `pins` it goes by plain HTTP. `changed_certificate` says that the next one was shown.
    """

    authority: str
    path: str
    headers: Mapping[str, str]
    pins: Pins | None
    sent_at: float = field(default=0.0, init=False)
    ended_at: float = field(default=0.0, init=False)
    result: Received | AgentError = field(default=NOT_RUN, init=False)
    changed_certificate: bool = field(default=False, init=False)


class Fanout:
    """At most `in_flight` nodes are asked at a time, not counting those that stay silent.

    A runner asks one node after the other. Whoever waits longer than a brisk answer takes is set
    aside, and a new runner takes his place, as long as there are not too many aside.
    """

    def __init__(self, in_flight: int):
        self._brisk_places = in_flight
        self._all_places = in_flight * (1 + SILENT_PER_BRISK)
        self._brisk = 0
        self._waiting: deque[tuple[Errand, _Round[Any]]] = deque()
        self._runners: dict[_Runner, None] = {}  # in the order in which they began to ask
        self._loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fanout", daemon=True)
        self._thread.start()
        self._sessions = self._wait_for(Sessions.open())
        self._loop.call_soon_threadsafe(self._look_after)

    def ask(self, errands: Sequence[E]) -> Iterator[list[E]]:
        """Run all errands, and yield them in portions as they end; a failure is a result too."""
        asked = _Round(errands)
        self._loop.call_soon_threadsafe(self._take, asked)
        while asked.open:
            if portion := asked.next_portion():
                yield portion

    def close(self) -> None:
        self._wait_for(self._sessions.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _take(self, asked: "_Round[Any]") -> None:
        self._waiting.extend((errand, asked) for errand in asked.errands)
        self._fill_places()

    def _fill_places(self) -> None:
        wanted = min(
            len(self._waiting),
            self._brisk_places - self._brisk,
            self._all_places - len(self._runners),
        )
        for _ in range(wanted):
            self._brisk += 1
            _Runner.start(self._run, self._loop)

    async def _run(self, runner: "_Runner") -> None:
        try:
            while self._waiting and runner.is_brisk:
                errand, asked = self._waiting.popleft()
                self._runners.pop(runner, None)
                self._runners[runner] = None
                runner.began_at = self._loop.time()
                await self._do(errand)
                asked.put(errand)
        finally:
            self._runners.pop(runner, None)
            self._set_aside(runner)

    def _set_aside(self, runner: "_Runner") -> None:
        if runner.is_brisk:
            runner.is_brisk = False
            self._brisk -= 1

    def _look_after(self) -> None:
        """Every quarter of a second: set the silent aside, and end what took too long."""
        now = self._loop.time()
        for runner in list(self._runners):
            if now - runner.began_at < BRISK_SECONDS:
                break
            self._set_aside(runner)
            if now - runner.began_at >= cadence.POLL_SECONDS:
                runner.task.cancel()
        self._fill_places()
        self._loop.call_later(LOOK_SECONDS, self._look_after)

    async def _do(self, errand: Errand) -> None:
        errand.sent_at = time.time()
        try:
            errand.result = await self._get(errand)
        except asyncio.CancelledError:
            errand.result = too_slow(cadence.POLL_SECONDS)
        except aiohttp.ServerTimeoutError:
            errand.result = not_connected(cadence.CONNECT_SECONDS)
        except AgentError as error:
            errand.result = error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            errand.result = failure_of(error, errand.authority)
        errand.ended_at = time.time()

    async def _get(self, errand: Errand) -> Received:
        trust = _pinned(errand.pins) if errand.pins else None
        url = _url("https" if trust else "http", errand.authority, errand.path)
        session = self._sessions.tls if trust else self._sessions.plain
        async with session.get(
            url, headers=errand.headers, allow_redirects=False, ssl=trust or CONTEXT
        ) as response:
            body = await _read(response)
            errand.changed_certificate = trust is not None and trust.has_seen_the_next
            return Received(
                response.status, response.raw_headers, body, errand.sent_at, time.time()
            )


class _Runner:
    """Asks one node after the other, as long as they answer briskly."""

    __slots__ = ("began_at", "is_brisk", "task")

    task: asyncio.Task[None]

    def __init__(self) -> None:
        self.is_brisk = True
        self.began_at = 0.0

    @classmethod
    def start(
        cls,
        run: Callable[["_Runner"], Coroutine[Any, Any, None]],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        runner = cls()
        runner.task = loop.create_task(run(runner))


class _Round(Generic[E]):
    """What was asked together: filled by the loop, emptied by the thread that asked."""

    def __init__(self, errands: Sequence[E]):
        self.errands = errands
        self.open = bool(errands)
        self._worth_a_look = threading.Event()
        self._ended: deque[E] = deque()
        self._missing = len(errands)

    def put(self, errand: E) -> None:
        self._ended.append(errand)
        self._missing -= 1
        if not self._missing or len(self._ended) == PORTION:
            self._worth_a_look.set()

    def next_portion(self) -> list[E]:
        """Wait a little, and return those that ended since the last time."""
        self._worth_a_look.wait(PORTION_SECONDS)
        self._worth_a_look.clear()
        self.open = self._missing > 0
        return [self._ended.popleft() for _ in range(len(self._ended))]


@lru_cache(maxsize=20_000)
def _url(scheme: str, authority: str, path: str) -> URL:
    return URL(f"{scheme}://{authority}{path}", encoded=True)


@lru_cache(maxsize=20_000)
def _pinned(pins: Pins) -> Pinned:
    return Pinned(pins)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """Return the body; raise AgentError bad_answer before more than the limit is in memory."""
    if response.content_length is not None and response.content_length <= MAX_ANSWER_BYTES:
        return await response.read()
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > MAX_ANSWER_BYTES:
            raise too_large()
    return bytes(body)


class _Process:
    """The one fan-out of this process, made when first needed; a forked child makes its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fanout: Fanout | None = None

    def fanout(self, in_flight: int) -> Fanout:
        with self._lock:
            if self._fanout is None:
                process_limits.allow_open_files()
                process_limits.calm_the_collector()
                self._fanout = Fanout(in_flight)
            return self._fanout

    def close(self) -> None:
        with self._lock:
            if self._fanout is not None:
                self._fanout.close()
            self._fanout = None


_process = _Process()
os.register_at_fork(after_in_child=_process.__init__)  # type: ignore[misc]


def current(in_flight: int) -> Fanout:
    """Return the fan-out of this process."""
    return _process.fanout(in_flight)


@atexit.register
def close() -> None:
    """Close what `current` opened; the next call opens it anew."""
    _process.close()
