"""How long after the call of the API that creates a peer its client can shake hands: the peer is on
the node's interface. End to end: web, database, broker, worker, agent, wireguard-go. Beside it the
same peer added by hand, by `wg set` on the node.

    python -m bench.creation [--peers 200]
"""

import argparse
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.figure import report
from lab import by_panel
from lab.demo import LAB_NETWORKS
from lab.fleet import Fleet
from lab.manage import manage
from lab.node import Node
from lab.panel import Panel
from lab.rest import Rest
from lab.wireguard import make_private_key, public_key
from wgpanel import secret_files

PATIENCE_SECONDS = 30.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=int, default=200)
    count = parser.parse_args().peers
    with tempfile.TemporaryDirectory(prefix="wgpanel-bench-") as folder:
        _measure(Path(folder), count)
    return 0


def _measure(folder: Path, count: int) -> None:
    secret_files.create_missing(folder)
    manage(folder, "migrate")
    manage(folder, "ensure_admin")
    with (
        Panel(folder, _free_port(), {"WGPANEL_PLAIN_HTTP_NETWORKS": LAB_NETWORKS}) as panel,
        Fleet(folder / "lab", groups=("Europe",), by_hand=False) as fleet,
    ):
        panel.wait_until_ready()
        rest = Rest(panel.url, folder)
        node = fleet.nodes[0]
        rest.enlist(node, max_peers=count + 10)
        rest.wait(node, PATIENCE_SECONDS, lambda told: told["status"] == "online")
        by_panel.give_interfaces(rest, fleet)
        ours = sorted(_seconds(node, lambda n=n: _by_api(rest, node, n)) for n in range(count))
        floor = statistics.median(_seconds(node, lambda: _by_hand(node)) for _ in range(20))
    for name, value in (("p50", ours[count // 2]), ("p99", ours[count * 99 // 100])):
        params = {"database": "sqlite", "peers": count, "percentile": name}
        report("peer.api_to_handshake", params, value, "s", reference="wg set", beside=floor)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _by_api(rest: Rest, node: Node, number: int) -> str:
    body = {"name": f"peer-{number}", "node": node.name, "keys": "panel"}
    return str(rest.call("POST", "peers/", body, 201)["public_key"])


def _by_hand(node: Node) -> str:
    key = public_key(make_private_key())
    node.run("wg", "set", "wg0", "peer", key, "allowed-ips", "10.99.0.1/32")
    return key


def _seconds(node: Node, create: Callable[[], str]) -> float:
    began = time.perf_counter()
    key = create()
    while key not in node.peers():
        if time.perf_counter() - began > PATIENCE_SECONDS:
            raise SystemExit("a peer did not arrive on its node")
        time.sleep(0.005)
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
