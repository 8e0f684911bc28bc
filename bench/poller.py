"""How many nodes one worker process polls in a second, end to end: claimed, asked by signed calls,
verified, parsed, stored. Beside it, in turn with it and over twins of the same agents that do not
sign: a bare aiohttp fan-out, which stores nothing. By plain HTTP and by TLS, where ours also looks
at each certificate; `cold` is the first round, which opens the connections, `warm` the others.

And with a fifth of the nodes dead: how old the report of a living node ever gets.

    python -m bench.poller [--nodes 1000 5000] [--databases sqlite postgresql] [--rounds 7]
"""

import argparse
import datetime as dt
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from operator import attrgetter
from typing import Any

from bench import databases
from bench.bare_fanout import BareFanout, Cost
from bench.figure import report
from lab.fake_agents import FakeAgent, FakeFleet

THREADS = 16  # as the worker of the queue `poll` has
DEAD_SHARE = 0.2
DEAD_RUN_SECONDS = 60


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="+", default=[1000, 5000])
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--here", action="store_true", help="in the database of DATABASE_URL")
    arguments = parser.parse_args()
    if arguments.here:
        _measure(arguments.nodes, arguments.rounds)
        return 0
    words = sys.argv[1:]
    return max(databases.in_new(it, "bench.poller", words) for it in arguments.databases)


def _measure(sizes: Sequence[int], rounds: int) -> None:
    databases.set_up()
    for size in sizes:
        for tls in (False, True):
            _measure_speed(size, rounds, tls)
        _measure_lateness(size)


def _measure_speed(size: int, rounds: int, tls: bool) -> None:
    ours: list[Cost] = []
    floor: list[Cost] = []
    with FakeFleet(size, tls=tls) as fleet, FakeFleet(size, signed=False, tls=tls) as twins:
        urls = [f"{agent.url}/v1/status" for agent in twins.agents]
        _store(fleet.agents)
        with BareFanout(urls) as bare, _Worker() as worker:
            for _ in range(rounds + 1):
                floor.append(bare.round())
                _make_all_due()
                ours.append(Cost.of(worker.round, size))
                _check_that_all_reported(size)
    params = {"database": _vendor(), "nodes": size, "transport": "tls" if tls else "http"}
    for kind, rounds_of in (("cold", slice(1)), ("warm", slice(1, None))):
        _report_speed({**params, "connections": kind}, ours[rounds_of], floor[rounds_of])


def _report_speed(params: dict[str, Any], ours: list[Cost], floor: list[Cost]) -> None:
    """Print medians, of the clock and of the process's CPU."""
    for per, cost in (("second", attrgetter("wall")), ("cpu_second", attrgetter("cpu"))):
        _report_rate(per, params, list(map(cost, ours)), list(map(cost, floor)))


def _report_rate(per: str, params: dict[str, Any], ours: list[float], floor: list[float]) -> None:
    mine, bare = (statistics.median(1 / cost for cost in costs) for costs in (ours, floor))
    report(
        f"poller.nodes_per_{per}",
        params,
        mine,
        "nodes/s" if per == "second" else "nodes/s of one core",
        reference="bare aiohttp fan-out",
        beside=bare,
    )


def _measure_lateness(size: int) -> None:
    """Run the tick of polling for a minute; the first round finds a fifth of the nodes dead."""
    from nodes.models import PollingPolicy

    interval = PollingPolicy.current().interval.total_seconds()
    with FakeFleet(size, dead_share=DEAD_SHARE) as fleet, _Worker() as worker:
        _store(fleet.agents)
        living = [agent.node_id for agent in fleet.agents if not agent.is_dead]
        oldest = max(worker.run(DEAD_RUN_SECONDS, watch=lambda: _oldest_report(living)))
    report(
        "poller.oldest_living_report",
        {"database": _vendor(), "nodes": size, "dead_share": DEAD_SHARE},
        oldest,
        "s",
        reference="two poll intervals",
        beside=2 * interval,
    )


class _Worker:
    """The poller as Celery runs it, without the broker: a tick, and batches in threads."""

    def __enter__(self) -> "_Worker":
        self._threads = ThreadPoolExecutor(THREADS)
        return self

    def __exit__(self, *_: object) -> None:
        from nodes.polls import fanout

        self._threads.shutdown()
        fanout.close()

    def round(self) -> None:
        for batch in self._start():
            batch.result()

    def run(self, seconds: float, watch: Callable[[], float]) -> Iterator[float]:
        """Tick once a second; from the second interval on, yield what `watch` says."""
        from django.utils import timezone

        from nodes.models import PollingPolicy
        from nodes.polls import polling

        interval = PollingPolicy.current().interval
        started = time.monotonic()
        while (elapsed := time.monotonic() - started) < seconds:
            polling.settle_overdue(timezone.now(), interval)
            self._start()
            if elapsed > interval.total_seconds():
                yield watch()
            time.sleep(1 - (time.monotonic() - started) % 1)

    def _start(self) -> list[Future[None]]:
        from django.utils import timezone

        from nodes.polls import polling

        batches = polling.claim_due(timezone.now(), 1_000_000)
        return [self._threads.submit(self._poll, ids) for ids in batches]

    @staticmethod
    def _poll(ids: list) -> None:
        from django.db import close_old_connections

        from nodes.polls import polling

        polling.poll(ids)
        close_old_connections()


def _store(agents: Sequence[FakeAgent]) -> None:
    from nodes.models import Node

    Node.objects.all().delete()
    Node.objects.bulk_create(
        Node(
            id=agent.node_id,
            name=agent.node_id,
            agent_url=agent.url,
            tls_pin=agent.tls_pin,
            secret=agent.secret,
        )
        for agent in agents
    )


def _make_all_due() -> None:
    from django.utils import timezone

    from nodes.models import Node

    Node.objects.update(next_poll_at=timezone.now())


def _check_that_all_reported(size: int) -> None:
    from django.utils import timezone

    from nodes.models import Node, Status

    recent = timezone.now() - dt.timedelta(seconds=size / 100)
    online = Node.objects.filter(status=Status.ONLINE, reported_at__gte=recent).count()
    if online != size:
        raise SystemExit(f"only {online} of {size} nodes are online")


def _oldest_report(node_ids: Sequence[str]) -> float:
    """Seconds since the report of the node that reported longest ago; nodes never asked count."""
    from django.utils import timezone

    from nodes.models import Node

    living = Node.objects.filter(pk__in=node_ids).values_list("reported_at", flat=True)
    never = dt.datetime.min.replace(tzinfo=dt.UTC)
    return (timezone.now() - min(at or never for at in living)).total_seconds()


def _vendor() -> str:
    from django.db import connection

    return connection.vendor


if __name__ == "__main__":
    sys.exit(main())
