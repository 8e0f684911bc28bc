"""A write that comes twice with one Idempotency-Key has one effect, and the same answer.

Answers of success are kept in the journal for a day, so that a restart forgets none; what failed
may be tried again with its key. A twin that comes meanwhile waits for the first.
"""

import asyncio
import hashlib
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from wgpanel_agent.desired.store import JournalFull, KeptAnswer, Store
from wgpanel_agent.http import Answer, HttpError
from wgpanel_agent.protocol import ReceivedRequest

logger = logging.getLogger(__name__)

KEEP = 24 * 3600  # seconds
LONGEST_KEY = 128


def fingerprint(method: str, path: str, query: str, received: ReceivedRequest) -> str:
    """Of everything that a request asks for; its time and signature say nothing of that."""
    asked = [method, path, query, received.if_match, received.binding.content_digest]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()


class Once:
    """Remembers in the journal of `store`; `clock` is Unix time, in seconds."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._turns: dict[str, tuple[asyncio.Lock, int]] = {}

    async def __call__(
        self, key: str, asked: str, interface: str, act: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        """What `act` answers, or answered when it was asked before. Raises HttpError 409 where
        the key stood for another request."""
        if len(key) > LONGEST_KEY:
            detail = f"Idempotency-Key must have at most {LONGEST_KEY} characters."
            raise HttpError(422, "invalid", detail, field="idempotency-key")
        async with self._turn(key):
            kept = self._store.answer(key, int(self._clock()) - KEEP)
            if kept is None:
                return await self._first(key, asked, interface, act)
            if kept.asked != asked:
                detail = "This Idempotency-Key came with another request."
                raise HttpError(409, "idempotency_conflict", detail)
            return Answer(kept.status, kept.body, json.loads(kept.headers))

    async def _first(
        self, key: str, asked: str, interface: str, act: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        answer = await act()
        headers = json.dumps(answer.headers)
        now = int(self._clock())
        kept = KeptAnswer(asked, answer.status, answer.body, headers, now)
        try:
            await asyncio.to_thread(self._store.keep_answer, key, interface, kept, now - KEEP)
        except JournalFull as error:  # it is done; a twin finds the generation that it leads to
            logger.warning("cannot remember what was answered: %s", error)
        return answer

    @asynccontextmanager
    async def _turn(self, key: str) -> AsyncIterator[None]:
        lock, waiting = self._turns.get(key, (asyncio.Lock(), 0))
        self._turns[key] = (lock, waiting + 1)
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._turns.pop(key)
            if waiting > 1:
                self._turns[key] = (lock, waiting - 1)
