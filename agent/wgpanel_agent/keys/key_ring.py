"""The keys that the agent accepts: the current one, one that is staged, one that is being retired.

The secret of the enrolment is where the ring begins. Once a key was rotated, the ring on disk wins;
a new secret in the file of the enrolment starts a new ring. Whatever happens between two steps,
the panel and the agent hold one key in common.
"""

import hmac
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from wgpanel_agent.protocol import Keys, derive_keys
from wgpanel_agent.signing.agreement import agreed_secret, make_half

logger = logging.getLogger(__name__)

FILE = "keys.json"
OVERLAP = 24 * 3600  # seconds that a key lives beside its successor, or waits to be proven
LARGEST_SEQ = 999_999


class NotCurrent(Exception):
    """The step is for the holder of another key; the text says which."""


class BrokenRing(OSError):
    """There is a file, and it is not what was written."""


@dataclass(frozen=True, slots=True)
class RingKey:
    """`until` is Unix time; None for the current key, which has no end."""

    seq: int
    secret: str = field(repr=False)
    until: float | None = None
    panels_share: str = ""
    share: str = ""


@dataclass(frozen=True, slots=True)
class Ring:
    """What is on disk. `seed` tells which secret of an enrolment it grew from."""

    seed: str
    current: RingKey
    staged: RingKey | None = None
    retired: RingKey | None = None

    def as_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> "Ring":
        fields = json.loads(text)
        keys = {
            name: RingKey(**fields[name]) if fields[name] else None
            for name in ("staged", "retired")
        }
        return cls(fields["seed"], RingKey(**fields["current"]), **keys)


class KeyRing(Mapping[str, Keys]):
    """The keys by key id, as the gate asks for them: one that is over is not there.

    Steps are written to disk before they count. They wait for the disk, and for a power of 2,048
    bits: call them in a thread. `clock` is Unix time.
    """

    def __init__(
        self,
        node: str,
        seq: int,
        secret: bytes,
        path: Path | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Without a path, what is rotated ends with the process. Raises BrokenRing, or OSError."""
        self._node, self._path, self._clock = node, path, clock
        self._lock = threading.Lock()
        seed = hmac.digest(secret, f"wgpanel seed {node}.{seq}".encode(), "sha256").hex()
        kept = _read(path) if path else None
        if kept is None or kept.seed != seed:
            kept = Ring(seed, RingKey(seq, secret.decode("latin-1")))
        self._hold(kept)

    def __getitem__(self, keyid: str) -> Keys:
        until, keys = self._keys[keyid]
        if until is not None and self._clock() >= until:
            raise KeyError(keyid)
        return keys

    def __iter__(self) -> Iterator[str]:
        return (keyid for keyid in list(self._keys) if keyid in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @property
    def current(self) -> Keys:
        return self[self._keyid(self._ring.current)]

    def stage(self, signer: str, seq: int, panels_share: str) -> str:
        """Agree on key number `seq` by the panel's share; returns ours. The same again gives the
        same; another share replaces what was staged. Raises NotCurrent, BadShare or OSError."""
        with self._lock:
            ring = self._ring
            if signer != self._keyid(ring.current):
                raise NotCurrent("A key is staged with the current key.")
            if not ring.current.seq < seq <= LARGEST_SEQ:
                raise NotCurrent(f"The next key has a number above {ring.current.seq}.")
            staged = ring.staged if ring.staged and self._keyid(ring.staged) in self else None
            if staged and (staged.seq, staged.panels_share) == (seq, panels_share):
                return staged.share
            staged = self._agreed(seq, panels_share)
            self._write(replace(ring, staged=staged))
            return staged.share

    def prove(self, signer: str) -> None:
        """Whoever signs with the staged key has it: from here on it is the current one, and the
        one before is retired. Raises NotCurrent or OSError."""
        with self._lock:
            ring = self._ring
            if signer == self._keyid(ring.current):
                return
            if ring.staged is None or signer != self._keyid(ring.staged):
                raise NotCurrent("A key is proven by signing with it.")
            current = RingKey(ring.staged.seq, ring.staged.secret)
            retired = replace(ring.current, until=self._clock() + OVERLAP)
            self._write(Ring(ring.seed, current, None, retired))
            logger.info("the key is now number %d", current.seq)

    def retire(self, signer: str) -> None:
        """The key before the current one is worth nothing from here on. Raises NotCurrent or
        OSError."""
        with self._lock:
            if signer != self._keyid(self._ring.current):
                raise NotCurrent("The old key is retired with the new one.")
            if self._ring.retired:
                self._write(replace(self._ring, retired=None))

    def _agreed(self, seq: int, panels_share: str) -> RingKey:
        half = make_half()
        secret = agreed_secret(
            half,
            panels_share,
            old=self._ring.current.secret.encode("latin-1"),
            keyid=f"{self._node}.{seq}",
            shares=(panels_share, half.share),
        )
        return RingKey(seq, secret, self._clock() + OVERLAP, panels_share, half.share)

    def _keyid(self, key: RingKey) -> str:
        return f"{self._node}.{key.seq}"

    def _write(self, ring: Ring) -> None:
        if self._path:
            _replace(self._path, ring.as_json())
        self._hold(ring)

    def _hold(self, ring: Ring) -> None:
        keys = (ring.retired, ring.staged, ring.current)
        self._ring = ring
        self._keys = {self._keyid(key): (key.until, self._derived(key)) for key in keys if key}

    def _derived(self, key: RingKey) -> Keys:
        return derive_keys(self._node, key.seq, key.secret.encode("latin-1"))


def _read(path: Path) -> Ring | None:
    """None where no key was rotated yet."""
    try:
        return Ring.read(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError):
        raise BrokenRing(
            f"{path} is damaged: bring it back from a backup; or remove it, put a new secret into"
            " the agent's secret file and give it to the panel"
        ) from None  # the error may quote a key


def _replace(path: Path, text: str) -> None:
    """Whole or not at all, also through a power loss; for the owner alone."""
    fresh = path.with_suffix(".new")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
