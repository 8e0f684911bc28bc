"""When a node is asked, how long an answer may take, and when silence becomes a verdict.

Numbers and the arithmetic behind them: docs/decisions/0001-offline-within-40-seconds.md.
Times are seconds; points in time are Unix time.
"""

import random
import zlib
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

HEARTBEAT = "poll"
TICK = 1.0
CONNECT_SECONDS = 3.0
POLL_SECONDS = 7.0
FIRST_RETRIES = (5.0, 10.0)
LONGEST_BACKOFF = 300.0

# For so long a node that has joined is asked each second, until it reports for the first time.
JOINING = timedelta(minutes=2)

# A batch that no worker takes up within the first is dropped; the claim outlives it and its calls.
BATCH_EXPIRES = timedelta(seconds=15)
CLAIM = BATCH_EXPIRES + timedelta(seconds=20)
# Times ahead of what they can be were written by another clock; workers' clocks differ a little.
CLOCKS_DIFFER = timedelta(minutes=1)

FAILURES_TO_OFFLINE = 2
SHORTEST_GRACE = timedelta(seconds=40)
GRACE_MARGIN = timedelta(seconds=10)
# The tick that is the last before the deadline settles the verdict, with a second to get through.
SETTLE_AHEAD = timedelta(seconds=2 * TICK)


def next_slot(node_id: UUID, interval: timedelta, now: float) -> float:
    """Return the next point in the node's own phase of the interval.

    The phase comes from the id alone: it survives restarts, and spreads nodes evenly.
    """
    period = interval.total_seconds()
    phase = zlib.crc32(node_id.bytes) / 2**32 * period
    return phase + period * ((now - phase) // period + 1)


def next_try(
    failures: int, now: float, pick: Callable[[float, float], float] = random.uniform
) -> float:
    """Return when to ask again after `failures` in a row: 5 s, 10 s, then full jitter to 5 min."""
    if failures <= len(FIRST_RETRIES):
        return now + FIRST_RETRIES[failures - 1]
    longest = min(LONGEST_BACKOFF, 2.0 * 2.0 ** min(failures, 16))
    return now + max(FIRST_RETRIES[0], pick(0, longest))


def grace(interval: timedelta) -> timedelta:
    """Return how long a failing node keeps its last verdict: max(40 s, 2 intervals + 10 s)."""
    return max(SHORTEST_GRACE, 2 * interval + GRACE_MARGIN)


def longest_wait(interval: timedelta) -> timedelta:
    """Return how far ahead the next poll may lie by any worker's clock."""
    return max(interval, timedelta(seconds=LONGEST_BACKOFF)) + CLOCKS_DIFFER
