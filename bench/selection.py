"""How long it takes to choose the node for the next peer, among 100 to 1,000,000 nodes.

Beside it, in the same run and over the same rows: the same statement sorting by the score's
expression, without the generated column and its index; and a Python loop over all rows. Then how
many places 16 writers take in a second, beside the same number of bare UPDATEs of one row.

    python -m bench.selection [--nodes 100 10000 1000000] [--databases sqlite postgresql]
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from bench import databases
from bench.figure import report

PICKS = 300
SECONDS = 3.0  # a reference that is slow is measured no longer than this, but at least once
WRITERS, PLACES = 16, 800
FLATNESS = 1.5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="+", default=[100, 10_000, 1_000_000])
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--here", action="store_true", help="in the database of DATABASE_URL")
    arguments = parser.parse_args()
    if arguments.here:
        _measure(arguments.nodes)
        return 0
    words = sys.argv[1:]
    return max(databases.in_new(it, "bench.selection", words) for it in arguments.databases)


def _measure(sizes: Sequence[int]) -> None:
    databases.set_up()
    picks = {}
    for size in sizes:
        _fill(size)
        picks[size] = _measure_picks(size)
    _report_flatness(picks)
    _fill(min(sizes))
    _measure_reservations(min(sizes))


def _fill(size: int) -> None:
    """Leave exactly `size` nodes, with reports that stay fresh for as long as this runs."""
    import datetime as dt

    from django.db import connection
    from django.utils import timezone

    from selection.tests.fleet import make_many_nodes

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET statement_timeout = 0")
        cursor.execute("DELETE FROM nodes_node")
    make_many_nodes(size - 1, reported_at=timezone.now() + dt.timedelta(days=1))


def _measure_picks(size: int) -> float:
    from selection.selector import select_node

    by_sort, best = _sql_sort(), select_node().candidates
    if [str(one.node) for one in best] != [row[0] for row in by_sort()]:
        raise SystemExit("the index and the sort choose different nodes")
    ours = _median_ms(select_node, PICKS)
    for name, act in (("sql sort", by_sort), ("python loop", _python_loop)):
        _report_pick(size, ours, name, _median_ms(act, PICKS))
    return ours


def _report_pick(size: int, ours: float, reference: str, beside: float) -> None:
    parameters = {"database": _vendor(), "nodes": size}
    report("selection.pick", parameters, ours, "ms", reference=reference, beside=beside)


def _report_flatness(picks: dict[int, float]) -> None:
    fewest, most = min(picks), max(picks)
    report(
        "selection.flatness",
        {"database": _vendor(), "nodes": [fewest, most]},
        picks[most] / picks[fewest],
        "times as long",
        reference="limit",
        beside=FLATNESS,
    )


def _median_ms(act: Callable[[], object], times: int) -> float:
    act()  # warm
    taken: list[float] = []
    began = time.perf_counter()
    while len(taken) < times and (not taken or time.perf_counter() - began < SECONDS):
        started = time.perf_counter()
        act()
        taken.append(1000 * (time.perf_counter() - started))
    return statistics.median(taken)


def _sql_sort() -> Callable[[], list]:
    """Return the plain way: the ten best by an ORDER BY of the expression, compiled beforehand."""
    from django.db import connection

    from nodes.scoring import score_sql

    ranked = _available().annotate(calculated=score_sql())
    best = ranked.order_by("calculated", "assigned_peers", "name").values_list("name")[:10]
    sql, parameters = best.query.sql_with_params()

    def sort() -> list:
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall()

    return sort


def _python_loop() -> list:
    """Return the ten best as one finds them without SQL: load every row, score, sort."""
    from nodes.scoring import Load

    rows = _available().values_list(
        "name", "assigned_peers", "active_peers", "max_peers", "weight", "cpu_percent",
        "memory_percent",
    )  # fmt: skip
    scored = [(Load(*load).score.total, taken, name) for name, taken, *load in rows.iterator()]
    return sorted(scored)[:10]


def _available():
    from django.utils import timezone

    from nodes.models import Node, PollingPolicy

    return Node.objects.available(timezone.now(), PollingPolicy.current().interval).order_by()


def _measure_reservations(size: int) -> None:
    from django.db.models import Sum

    from nodes.models import Node
    from selection.selector import reserve

    first = Node.objects.order_by("name").values_list("pk", flat=True)[0]
    floor = _per_second(lambda: _bare_update(first))
    Node.objects.update(assigned_peers=0, assigned_since_report=0)
    ours = _per_second(reserve)
    if (taken := Node.objects.aggregate(sum=Sum("assigned_peers"))["sum"]) != PLACES:
        raise SystemExit(f"{taken} of {PLACES} places were counted")
    report(
        "selection.reservations",
        {"database": _vendor(), "nodes": size, "writers": WRITERS},
        ours,
        "1/s",
        reference="bare UPDATE of one row",
        beside=floor,
    )


def _bare_update(pk: object) -> None:
    from django.db.models import F

    from nodes.models import Node

    Node.objects.filter(pk=pk).update(assigned_peers=F("assigned_peers") + 1)


def _per_second(act: Callable[[], object]) -> float:
    """Return how often WRITERS, each on a connection of its own, do and commit `act`."""
    from django.db import connection, transaction

    def write(_: int) -> None:
        for _ in range(PLACES // WRITERS):
            with transaction.atomic():
                act()
        connection.close()

    with ThreadPoolExecutor(WRITERS) as threads:
        started = time.perf_counter()
        list(threads.map(write, range(WRITERS)))
        return PLACES / (time.perf_counter() - started)


def _vendor() -> str:
    from django.db import connection

    return connection.vendor


if __name__ == "__main__":
    sys.exit(main())
