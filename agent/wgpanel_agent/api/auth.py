"""The gate: who may come in, checked in the order that costs least and tells least."""

import logging
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from wgpanel_agent.api.limits import Clock, Limiter, Limits, neighbourhood
from wgpanel_agent.api.nonces import NoncesFull, NonceStore
from wgpanel_agent.http import Counters, HttpError
from wgpanel_agent.protocol import (
    Keys,
    ProtocolError,
    Reason,
    ReceivedRequest,
    check_digest,
    check_mac,
    check_node,
    check_time,
    parse_request,
)

logger = logging.getLogger(__name__)

# An unknown key id costs a MAC as well, so that time does not tell which ids exist.
DECOY = Keys("", "", secrets.token_bytes(32), secrets.token_bytes(32))
MISMATCH: tuple[tuple[Reason, str], ...] = (
    ("bad_signature", "The signature does not match."),
    ("unknown_key", "No key has this id."),
)


class Unauthorized(Exception):
    """The MAC is not right. The answer is the same whatever was wrong, and is not signed."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked for, as spelled on the wire, and from which address."""

    method: str
    path: str
    query: str
    source: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who holds a key of ours and signed this very request; answers are signed from here on."""

    keys: Keys
    received: ReceivedRequest
    target: Target


class Gate:
    """Checks every signed request; `keys`, by key id, may change while the agent runs."""

    def __init__(
        self,
        keys: Mapping[str, Keys],
        nonces: NonceStore,
        *,
        counters: Counters,
        limits: Limits,
        clock: Clock = time.time,
    ) -> None:
        self.clock = clock
        self._keys = keys
        self._nonces = nonces
        self._failures = counters.auth_failures
        self._per_key = Limiter(limits.per_key)
        self._log_lines = Limiter(limits.failures)

    def identify(self, target: Target, headers: Iterable[tuple[bytes, bytes]]) -> Caller:
        """Find whose MAC this is; raises Unauthorized."""
        try:
            received = parse_request(
                method=target.method, path=target.path, query=target.query, headers=headers
            )
            return Caller(self._key_of(received), received, target)
        except ProtocolError as error:
            self._count(target, error)
            raise Unauthorized from error

    def check_fresh(self, caller: Caller) -> None:
        """Time, nonce, rate, node; raises HttpError, to be answered signed."""
        with self._signed_refusal(caller.target):
            check_time(caller.received.binding.created, self.clock())
            self._claim(caller.received)
            self._check_rate(caller.keys)
            check_node(caller.keys, caller.received)

    def check_body(self, caller: Caller, body: bytes) -> None:
        """Raises HttpError unless the body received is the one that was signed."""
        with self._signed_refusal(caller.target):
            check_digest(caller.received.binding.content_digest, body)

    def _key_of(self, received: ReceivedRequest) -> Keys:
        # One way through for known and unknown ids: time must not tell them apart.
        keys = self._keys.get(received.keyid, DECOY)
        try:
            check_mac(keys, received)
        except ProtocolError as error:
            raise ProtocolError(*MISMATCH[keys is DECOY]) from error
        return keys

    def _claim(self, received: ReceivedRequest) -> None:
        try:
            self._nonces.claim(received.nonce, received.binding.created)
        except NoncesFull as error:
            detail = "Too many requests are remembered: sign again in a minute."
            raise come_back(503, "busy", detail, seconds=60) from error

    def _check_rate(self, keys: Keys) -> None:
        # After the nonce: whoever replays requests must not spend the panel's share.
        if not self._per_key.allows(keys.keyid):
            raise too_many_requests()

    @contextmanager
    def _signed_refusal(self, target: Target) -> Iterator[None]:
        try:
            yield
        except ProtocolError as error:
            self._count(target, error)
            raise self._refusal(error) from error

    def _refusal(self, error: ProtocolError) -> HttpError:
        if error.reason == "clock_skew":
            return HttpError(401, error.reason, str(error), now=int(self.clock()))
        return HttpError(403 if error.reason == "wrong_node" else 401, error.reason, str(error))

    def _count(self, target: Target, error: ProtocolError) -> None:
        self._failures[error.reason] += 1
        if self._log_lines.allows(neighbourhood(target.source)):
            line = "refused %s %s from %s: %s (%s)"
            logger.warning(line, target.method, target.path, target.source, error.reason, error)


def too_many_requests() -> HttpError:
    detail = "More requests than the limit allows."
    return come_back(429, "too_many_requests", detail, seconds=1)


def come_back(status: int, code: str, detail: str, *, seconds: int) -> HttpError:
    """Retry-After is told in the body as well: only that is signed."""
    headers = {"retry-after": str(seconds)}
    return HttpError(status, code, detail, headers=headers, retry_after=seconds)
