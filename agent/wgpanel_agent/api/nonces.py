"""Which signed requests were received before: the memory that makes a replay useless."""

import contextlib
import errno
import logging
import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from wgpanel_agent.protocol import FUTURE_SKEW, MAX_AGE, ProtocolError

logger = logging.getLogger(__name__)

KEEP = MAX_AGE + FUTURE_SKEW  # seconds after `created`: no clock accepts the request any more
RELAXED = 4_096  # below this nothing is forgotten, so that a clock set back opens no door
RETRY = 10  # seconds until a file that could not be written is tried again
LINE = re.compile(rb"([0-9]{1,15}) ([A-Za-z0-9_-]{22})")
CAPACITY = 20_000  # 50 requests/s for KEEP and FUTURE_SKEW seconds come to 6,000


class NoncesFull(Exception):
    """No room for another nonce; a live one is never dropped to make some."""


class PastUnknown(Exception):
    """The file is missing or damaged: anything may have been received before."""


def seconds_since_boot() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class NonceStore:
    """Nonces of believed requests, in memory and in an append-only file beside it.

    The file is written without fsync: a killed agent loses nothing, and for a power loss
    everything signed before the boot (or up to FUTURE_SKEW after it, by a fast clock) is refused.
    Where the file is missing, everything signed before this start is refused. `clock` is wall
    time and `uptime` the time since the boot, both in seconds; without a path, memory is all.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        clock: Callable[[], float] = time.time,
        uptime: Callable[[], float] = seconds_since_boot,
        capacity: int = CAPACITY,
    ) -> None:
        self._clock = clock
        self._uptime = uptime
        self._capacity = capacity
        self._seen: dict[str, int] = {}
        self._refuse_before = 0
        self._forgotten_at = 0.0
        self._log = None if path is None else NonceLog(path)
        if self._log:
            self._load(self._log)

    def __len__(self) -> int:
        return len(self._seen)

    def claim(self, nonce: str, created: int) -> None:
        """Call it once for a request whose MAC is right; it returns for the first only.

        Raises ProtocolError replay, or NoncesFull.
        """
        if nonce in self._seen:
            raise ProtocolError("replay", "This request was received before.")
        if created < max(self._refuse_before, self._boot()):
            raise ProtocolError("replay", "Signed before this start of the agent: sign again.")
        self._make_room(created)
        self._seen[nonce] = created
        if self._log:
            self._log.append(nonce, created, self._seen)

    def close(self) -> None:
        if self._log:
            self._log.close()

    def _load(self, log: "NonceLog") -> None:
        try:
            self._seen = log.read()
        except PastUnknown:
            self._refuse_before = int(self._clock())
        log.rewrite(self._seen)

    def _boot(self) -> float:
        # The clock may be set after the boot; then the moment of the boot moves with it.
        return self._clock() - self._uptime() + FUTURE_SKEW

    def _make_room(self, created: int) -> None:
        now = self._clock()
        if len(self._seen) >= RELAXED and now - self._forgotten_at >= 1:
            self._forgotten_at = now
            self._seen = {nonce: at for nonce, at in self._seen.items() if at + KEEP >= now}
        if len(self._seen) >= self._capacity:
            # What is turned away now must not be accepted when there is room again.
            self._refuse_before = max(self._refuse_before, created + 1)
            raise NoncesFull


class NonceLog:
    """The file: one line `<created> <nonce>` for each. After a write that failed there is none,
    and from its absence the next start learns that it does not know the past."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None
        self._lines = 0
        self._retry_at = 0.0

    def read(self) -> dict[str, int]:
        """The nonces of the whole lines; raises PastUnknown.

        What follows the last line end was cut off by a crash, before its request was accepted.
        """
        try:
            lines = self._path.read_bytes().split(b"\n")[:-1]
        except FileNotFoundError as error:
            raise PastUnknown from error
        matches = [LINE.fullmatch(line) for line in lines]
        seen = {match[2].decode(): int(match[1]) for match in matches if match}
        if len(seen) < len(lines):
            raise PastUnknown
        return seen

    def append(self, nonce: str, created: int, seen: Mapping[str, int]) -> None:
        """Add one; now and then, and after a failure, start a new file with all of `seen`."""
        if self._fd is None or self._lines > 2 * max(len(seen), RELAXED):
            self.rewrite(seen)
            return
        try:
            write_all(self._fd, f"{created} {nonce}\n".encode())
        except OSError as error:
            self._give_up(error)
        self._lines += 1

    def rewrite(self, seen: Mapping[str, int]) -> None:
        """Replace the file by one with exactly these; not again for 10 s after a failure."""
        if time.monotonic() < self._retry_at:
            return
        self.close()
        fresh = self._path.with_suffix(".new")
        try:
            self._fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
            write_all(self._fd, "".join(f"{seen[it]} {it}\n" for it in seen).encode())
            os.replace(fresh, self._path)
        except OSError as error:
            self._give_up(error)
        self._lines = len(seen)

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _give_up(self, error: OSError) -> None:
        logger.error("cannot keep nonces in %s, only in memory: %s", self._path, error)
        self._retry_at = time.monotonic() + RETRY
        self.close()
        with contextlib.suppress(OSError):
            self._path.unlink()


def write_all(fd: int, data: bytes) -> None:
    if os.write(fd, data) < len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
