"""What `wg` itself costs on an interface; run inside the node's namespaces by bench.agent.

Not a benchmark of ours: it prints one JSON object, milliseconds.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable


def median_ms(act: Callable[[], object], rounds: int) -> float:
    """Return the median time of `act` in milliseconds."""
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        act()
        times.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times)


def _wg(*words: str, stdin: str = "") -> None:
    subprocess.run(["wg", *words], input=stdin, text=True, check=True, stdout=subprocess.PIPE)


def main() -> None:
    """Arguments: interface, rounds, public key and address of a peer to add."""
    interface, rounds, key, address = sys.argv[1:]
    part = f"[Peer]\nPublicKey = {key}\nAllowedIPs = {address}\n"

    def add() -> None:
        _wg("addconf", interface, "/dev/stdin", stdin=part)
        _wg("show", interface, "dump")

    figures = {
        "dump": median_ms(lambda: _wg("show", "all", "dump"), int(rounds)),
        "dump_one": median_ms(lambda: _wg("show", interface, "dump"), int(rounds)),
        "add_and_dump": median_ms(add, int(rounds)),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
