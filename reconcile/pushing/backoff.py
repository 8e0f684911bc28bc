"""When to try again after a push failed. Times are seconds."""

import random
from collections.abc import Callable

LONGEST = 300.0


def delay(attempts: int, pick: Callable[[float, float], float] = random.uniform) -> float:
    """How long to wait after `attempts` failures in a row: full jitter, up to 5 min.

    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    return pick(0.0, min(LONGEST, 2.0 * 2.0 ** min(attempts, 16)))
