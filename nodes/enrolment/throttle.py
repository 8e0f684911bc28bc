"""Who asks to join too often is stopped for a while.

Counted in each process of the panel by itself: a token cannot be guessed and five wrong proofs burn
it, so this only keeps a stranger from costing anything.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable

WINDOW_SECONDS = 60
MOST_ASKS = 120  # of one IPv4 address or IPv6 /64; a node that waits for approval asks 30 times


class Throttle:
    def __init__(self, most: int = MOST_ASKS, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock, self._lock = most, clock, threading.Lock()
        self._window, self._asks = 0, Counter[str]()

    def admits(self, network: str) -> bool:
        """Count one more ask; whether it may be answered."""
        window = int(self._clock()) // WINDOW_SECONDS
        with self._lock:
            if window != self._window:
                self._window, self._asks = window, Counter()
            self._asks[network] += 1
            return self._asks[network] <= self._most
