"""What the panel takes for an interface with 20,000 peers: to bring all of them to its node, to
bring one more, and to check it for drift. The node is real: agent and wireguard-go, by TLS.

Beside the goals it shows what `wg` alone costs on that interface in the same run; `cpu` is that of
the panel and of the agent, which another machine has, and does not count what `wg` spends.

    python -m bench.drift [--peers 20000] [--databases sqlite postgresql] [--checks 9]
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from bench import databases
from bench.agent import floor
from bench.figure import report
from lab.fleet import Fleet
from lab.node import Node

CHECK_SECONDS, WHOLE_SECONDS, DELTA_RATIO = 1.0, 3.0, 1.5
DELTAS = 15
REMOVED = 10
SETTLED_SECONDS = 5.0  # the agent's file has followed


class Cost(NamedTuple):
    """In seconds; of what was done several times the median."""

    wall: float
    panel: float
    agent: float

    @classmethod
    def of(cls, act: Callable[[], object], node: Node, times: int = 1) -> "Cost":
        costs = [cls.once(act, psutil.Process(node.agent.pid)) for _ in range(times)]
        return cls(*(statistics.median(column) for column in zip(*costs, strict=True)))

    @classmethod
    def once(cls, act: Callable[[], object], agent: psutil.Process) -> "Cost":
        wall, panel, theirs = time.perf_counter(), time.process_time(), _cpu(agent)
        act()
        return cls(time.perf_counter() - wall, time.process_time() - panel, _cpu(agent) - theirs)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=int, default=20_000)
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--checks", type=int, default=9)
    parser.add_argument("--here", action="store_true", help="in the database of DATABASE_URL")
    arguments = parser.parse_args()
    if not arguments.here:
        words = sys.argv[1:]
        return max(databases.in_new(it, "bench.drift", words) for it in arguments.databases)
    databases.set_up()
    with (
        tempfile.TemporaryDirectory(prefix="wgpanel-bench-") as folder,
        Fleet(Path(folder), by_hand=False, tls=True) as fleet,
    ):
        _measure(fleet.nodes[0], arguments.peers, arguments.checks)
    return 0


def _measure(node: Node, size: int, checks: int) -> None:
    from bench import rows

    interface = rows.make_interface(_row_of(node), policy="observe")
    rows.add_peers(interface, size)
    told = Cost.of(lambda: _push(interface), node)
    _report("panel.push_whole", size, told, "goal", WHOLE_SECONDS)
    time.sleep(SETTLED_SECONDS)
    _measure_checks(node, interface, size, checks)
    _measure_deltas(node, interface, size)
    _report("panel.push_whole", size, told, "wg syncconf + wg show wg0 dump", _whole_alone(node))


def _measure_checks(node: Node, interface: Any, size: int, checks: int) -> None:
    """In sync, and while a few peers are not there."""
    dump = statistics.median(_seconds(lambda: node.run("wg", "show", "wg0", "dump"), 5))
    for state in ("in_sync", "drifted"):
        cost = Cost.of(lambda state=state: _check(interface, state), node, checks)
        for name, beside in (("goal", CHECK_SECONDS), ("wg show wg0 dump", dump)):
            _report("drift.check", size, cost, name, beside, state=state)
        for key in sorted(node.peers())[:REMOVED]:
            node.run("wg", "set", "wg0", "peer", key, "remove")


def _measure_deltas(node: Node, interface: Any, size: int) -> None:
    from bench import rows

    alone = floor(node, rounds=7)["add_and_dump"] / 1000

    def add() -> None:
        interface.refresh_from_db()
        rows.add_peers(interface, 1)
        _push(interface)

    cost = Cost.of(add, node, DELTAS)
    _report("panel.push_delta", size, cost, "wg addconf + wg show wg0 dump", alone)


def _whole_alone(node: Node) -> float:
    """What `wg` alone takes, in seconds, for the same peers on an interface as new as it was."""
    node.agent.stop()
    everything = node.run("wg", "showconf", "wg0")
    conf = node.host.wireguard_folder / "wg0.conf"
    conf.write_text(everything.partition("[Peer]")[0])
    node.power_off()
    node.power_on()
    return _seconds(lambda: _syncconf_and_dump(node, everything), 1)[0]


def _syncconf_and_dump(node: Node, configuration: str) -> None:
    node.run("wg", "syncconf", "wg0", "/dev/stdin", stdin=configuration)
    node.run("wg", "show", "wg0", "dump")


def _row_of(node: Node) -> Any:
    from nodes.tests.builders import make_online_node

    identity, agent = node.identity, node.agent
    here = {"agent_url": agent.url, "tls_pin": agent.pin}
    return make_online_node(id=identity.node_id, secret=identity.secret, **here)


def _push(interface: Any) -> None:
    from reconcile.pushing import push

    push.push(interface.pk, "bench")
    interface.refresh_from_db()
    if interface.observed_generation != interface.desired_generation:
        raise SystemExit(f"not delivered: {interface.condition} {interface.condition_reason}")


def _check(interface: Any, state: str) -> None:
    from reconcile.checks import checking

    found = checking.check(interface)
    if found.state != state:
        raise SystemExit(f"{found.state}, not {state}: {found.reason or found.items[:3]}")


def _seconds(act: Callable[[], object], times: int) -> list[float]:
    costs = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        costs.append(time.perf_counter() - began)
    return costs


def _cpu(process: psutil.Process) -> float:
    spent = process.cpu_times()
    return float(spent.user + spent.system)


def _report(
    name: str, size: int, cost: Cost, reference: str, beside: float, **params: object
) -> None:
    from django.db import connection

    params = {"database": connection.vendor, "peers": size, **params}
    cpu = {"panel": round(cost.panel, 3), "agent": round(cost.agent, 3)}
    whole = {**params, "cpu": cpu}
    report(name, whole, cost.wall, "s", reference=reference, beside=beside)


if __name__ == "__main__":
    sys.exit(main())
