"""Does the time of a refusal tell how wrong a signature is, or which key ids exist?

Welch's t over refusals in random order, the slowest tenth cut off as dudect does (Reparaz et al.,
2017); below 4.5 nothing can be told. Measured at the gate itself, where a network adds no noise.
"""

import logging
import math
import random
import statistics
import time
from collections.abc import Callable

from wgpanel_agent.api.auth import Gate, Target, Unauthorized
from wgpanel_agent.api.limits import Limits
from wgpanel_agent.api.nonces import NonceStore
from wgpanel_agent.http import Counters
from wgpanel_agent.protocol import Keys, derive_keys, sign_request

from bench.figure import report

ROUNDS = 10_000
THRESHOLD = 4.5
SECRET = b"kX2v7Qm4Zt9Lw1Rb6Ny3Hc8Jd5Gf0Ps-timing"
OURS = derive_keys("node-a", 1, SECRET)
TARGET = Target("GET", "/v1/status", "", "192.0.2.1")
Fields = list[tuple[bytes, bytes]]


def signed_by(keys: Keys) -> dict[str, str]:
    return sign_request(
        keys, method="GET", authority="node:8080", path="/v1/status", now=time.time()
    ).headers


def with_mac_byte_wrong(position: int) -> Fields:
    """A right signature but for one base64 letter."""
    headers = signed_by(OURS)
    at = len("wgpanel=:") + position
    field = headers["signature"]
    headers["signature"] = field[:at] + ("A" if field[at] != "A" else "B") + field[at + 1 :]
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def with_key_id(node: str) -> Fields:
    stranger = derive_keys(node, 1, b"another secret of at least 32 bytes")
    return [(name.encode(), value.encode()) for name, value in signed_by(stranger).items()]


def refusal_time(gate: Gate, headers: Fields) -> int:
    """Nanoseconds until the gate has refused."""
    start = time.perf_counter_ns()
    try:
        gate.identify(TARGET, headers)
    except Unauthorized:
        return time.perf_counter_ns() - start
    raise AssertionError("the gate let a wrong signature in")


def welch_t(a: list[int], b: list[int]) -> float:
    variance = statistics.variance(a) / len(a) + statistics.variance(b) / len(b)
    return (statistics.fmean(a) - statistics.fmean(b)) / math.sqrt(variance)


def compare(gate: Gate, kinds: tuple[Callable[[], Fields], Callable[[], Fields]]) -> float:
    times: tuple[list[int], list[int]] = ([], [])
    order = [0, 1] * ROUNDS
    random.shuffle(order)
    for kind in order:
        times[kind].append(refusal_time(gate, kinds[kind]()))
    limit = sorted(times[0] + times[1])[int(len(order) * 0.9)]
    return abs(welch_t(*([value for value in kind if value <= limit] for kind in times)))


def main() -> None:
    logging.disable()
    gate = Gate({OURS.keyid: OURS}, NonceStore(None), counters=Counters(), limits=Limits())
    compare(gate, (lambda: with_mac_byte_wrong(0), lambda: with_mac_byte_wrong(0)))  # warm up
    found = {
        "first letter wrong / last wrong": compare(
            gate, (lambda: with_mac_byte_wrong(0), lambda: with_mac_byte_wrong(41))
        ),
        "known key id / unknown": compare(
            gate, (lambda: with_key_id("node-a"), lambda: with_key_id("node-b"))
        ),
    }
    rounded = {kind: round(t, 2) for kind, t in found.items()}
    report(
        "timing_mac",
        {"refusals": ROUNDS, **rounded},
        max(found.values()),
        "Welch t",
        reference="dudect: below this nothing leaks",
        beside=THRESHOLD,
    )


if __name__ == "__main__":
    main()
