"""How much one caller may ask for; every number is a setting."""

import socket
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from wgpanel_agent.api.nonces import CAPACITY

Clock = Callable[[], float]
MAPPED_IPV4 = bytes(10) + b"\xff\xff"
MANY_CALLERS = 1_024  # callers remembered at once; the longest unseen is forgotten first


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` requests at once, and `per_second` in the long run."""

    per_second: float
    burst: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds. `health` and `metrics` hold for each source of unsigned
    requests, `failures` for the log lines about each source of refused ones; `per_key` for what
    a key signed, however much others send from the same address; `handshakes` for those of TLS
    that are not done, beside `connections`."""

    per_key: Rate = Rate(50, 50)
    health: Rate = Rate(100, 100)
    metrics: Rate = Rate(2, 10)
    failures: Rate = Rate(5, 20)
    nonces: int = CAPACITY
    body: int = 8 * 1024 * 1024
    head: int = 16 * 1024
    request_time: float = 10
    idle_time: float = 30
    answer_time: float = 30
    connections: int = 512
    handshakes: int = 256


def neighbourhood(address: str) -> str:
    """Whose share an address spends: its own in IPv4, its /64 in IPv6, where one host has many."""
    if ":" not in address:
        return address
    packed = socket.inet_pton(socket.AF_INET6, address.partition("%")[0])
    return (packed if packed.startswith(MAPPED_IPV4) else packed[:8]).hex()


class Limiter:
    """A token bucket for each caller."""

    def __init__(self, rate: Rate, clock: Clock = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def allows(self, caller: str) -> bool:
        """Take one token of the caller's; False if there is none."""
        now = self._clock()
        tokens, at = self._buckets.pop(caller, (float(self._rate.burst), now))
        tokens = min(self._rate.burst, tokens + (now - at) * self._rate.per_second)
        allowed = tokens >= 1
        self._buckets[caller] = (tokens - allowed, now)
        if len(self._buckets) > MANY_CALLERS:
            self._buckets.popitem(last=False)
        return allowed
