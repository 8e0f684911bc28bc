"""Ask many agents at once: one thread, one event loop, one connector and one session a process.

The loop outlives a round, so connections stay open from round to round. Several rounds may run at
the same time; they share the limits below, which hold for the process.
"""

import asyncio
import atexit
import os
import resource
import ssl
import threading
import time
from collections.abc import Coroutine, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar
from uuid import UUID

import aiohttp
from wgpanel_agent.protocol import SignedRequest
from yarl import URL

from nodes import cadence, reports
from nodes.exchange import AgentError, Answer, Call, Received, converse
from nodes.reports import Told
from nodes.wire import MAX_ANSWER_BYTES, failure_of, not_connected, too_large, too_slow

T = TypeVar("T")

# A node that stays silent this long steps aside: it no longer keeps others from being asked.
BRISK_SECONDS = 1.0
SILENT_PER_BRISK = 4
# Answers are handed on as soon as all have come, else at this pace.
PORTION_SECONDS = 0.5
KEEP_ALIVE_SECONDS = 60
OPEN_FILES = 65_536


@dataclass(frozen=True, slots=True)
class Question:
    """One node to ask; `skew_ms` is how far its clock was ahead when it last told."""

    node_id: UUID
    call: Call
    skew_ms: int | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one question. Times are Unix time; `skew_ms` is None where it was not proved."""

    node_id: UUID
    asked_at: float
    ended_at: float
    result: Told | AgentError
    skew_ms: int | None


class Fanout:
    """`in_flight` nodes are asked at a time; four times as many may keep us waiting beside them."""

    def __init__(self, in_flight: int):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fanout", daemon=True)
        self._brisk = asyncio.Semaphore(in_flight)
        self._open = asyncio.Semaphore(in_flight * (1 + SILENT_PER_BRISK))
        self._thread.start()
        self._session = self._wait_for(_new_session())

    def ask(self, questions: Iterable[Question]) -> Iterator[list[Outcome]]:
        """Ask all, and yield outcomes in portions as they come; a failure is an outcome too."""
        pending = self._wait_for(self._begin(questions))
        while pending:
            done, pending = self._wait_for(asyncio.wait(pending, timeout=PORTION_SECONDS))
            if done:
                yield [task.result() for task in done]

    def close(self) -> None:
        self._wait_for(self._session.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _begin(self, questions: Iterable[Question]) -> set[asyncio.Task[Outcome]]:
        return {self._loop.create_task(self._ask_in_turn(question)) for question in questions}

    async def _ask_in_turn(self, question: Question) -> Outcome:
        async with self._open:
            await self._brisk.acquire()
            turn = _Turn(self._brisk)
            patience = self._loop.call_later(BRISK_SECONDS, turn.end)
            try:
                return await self._ask(question)
            finally:
                patience.cancel()
                turn.end()

    async def _ask(self, question: Question) -> Outcome:
        asked_at = time.time()
        try:
            async with asyncio.timeout(cadence.POLL_SECONDS):
                answer = await self._converse(question)
            told = reports.read(answer.body)
        except TimeoutError:
            return _failed(question, asked_at, too_slow(cadence.POLL_SECONDS))
        except AgentError as error:
            return _failed(question, asked_at, error)
        return Outcome(question.node_id, asked_at, time.time(), told, answer.skew_ms)

    async def _converse(self, question: Question) -> Answer:
        conversation = converse(question.call, question.skew_ms)
        request = next(conversation)
        try:
            while True:
                request = conversation.send(await self._send(question.call, request))
        except StopIteration as end:
            return end.value

    async def _send(self, call: Call, request: SignedRequest) -> Received:
        try:
            async with self._session.get(
                _url(call.authority, call.path), headers=request.headers, allow_redirects=False
            ) as response:
                body = await _read(response)
                return Received(response.status, response.raw_headers, body)
        except aiohttp.ServerTimeoutError as error:
            raise not_connected(cadence.CONNECT_SECONDS) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise failure_of(error, call.authority) from error


class _Turn:
    """One place among the brisk; given back once, early or at the end."""

    __slots__ = ("_places",)

    def __init__(self, places: asyncio.Semaphore):
        self._places: asyncio.Semaphore | None = places

    def end(self) -> None:
        if self._places:
            self._places.release()
            self._places = None


def _failed(question: Question, asked_at: float, error: AgentError) -> Outcome:
    return Outcome(question.node_id, asked_at, time.time(), error, error.skew_ms)


@lru_cache(maxsize=20_000)
def _url(authority: str, path: str) -> URL:
    return URL(f"http://{authority}{path}", encoded=True)


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


async def _new_session() -> aiohttp.ClientSession:
    """No cookies, no proxy from the environment, no header that the agent does not need."""
    connector = aiohttp.TCPConnector(
        limit=0,
        keepalive_timeout=KEEP_ALIVE_SECONDS,
        happy_eyeballs_delay=None,
        ssl=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),  # trusts nobody: it loads no CA bundle
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=cadence.CONNECT_SECONDS),
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
        auto_decompress=False,
        trust_env=False,
    )


class _Process:
    """The one fan-out of this process, made when first needed; a forked child makes its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fanout: Fanout | None = None

    def fanout(self, in_flight: int) -> Fanout:
        with self._lock:
            if self._fanout is None:
                _allow_open_files()
                self._fanout = Fanout(in_flight)
            return self._fanout

    def close(self) -> None:
        with self._lock:
            if self._fanout is not None:
                self._fanout.close()
            self._fanout = None


def _allow_open_files() -> None:
    """Raise the soft limit: each node keeps a connection open, and 1,024 is soon used up."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


_process = _Process()
os.register_at_fork(after_in_child=_process.__init__)  # type: ignore[misc]


def current(in_flight: int) -> Fanout:
    """Return the fan-out of this process."""
    return _process.fanout(in_flight)


@atexit.register
def close() -> None:
    """Close what `current` opened; the next call opens it anew."""
    _process.close()
