"""How long a page of the peer list takes, where 20,000 peers are on one interface and 100,000 in
the database: by the REST API and in the admin, through every middleware and template, in process.

Beside the goal each figure has the CPU of the same requests.

    python -m bench.lists [--peers 20000] [--interfaces 5] [--databases sqlite postgresql]
"""

import argparse
import statistics
import sys
import time
from collections.abc import Iterator
from typing import Any

from bench import databases
from bench.figure import report

GOAL_MS = 300
ROUNDS = 40


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=int, default=20_000)
    parser.add_argument("--interfaces", type=int, default=5)
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--here", action="store_true", help="in the database of DATABASE_URL")
    arguments = parser.parse_args()
    if not arguments.here:
        words = sys.argv[1:]
        return max(databases.in_new(it, "bench.lists", words) for it in arguments.databases)
    databases.set_up()
    from wgpanel import collector

    interface = _fill(arguments.peers, arguments.interfaces)
    total = arguments.peers * arguments.interfaces
    client = _superuser()
    collector.calm()  # as the process does that serves pages
    for name, page, url in _pages(interface, arguments.peers):
        _measure(client, name, page, url, total)
    return 0


def _fill(peers: int, interfaces: int) -> Any:
    from bench import rows
    from nodes.tests.builders import make_online_node

    made = [rows.make_interface(make_online_node()) for _ in range(interfaces)]
    for interface in made:
        rows.add_peers(interface, peers)
    _tidy()
    return made[0]


def _tidy() -> None:
    """What PostgreSQL does by itself within a minute of so many new rows."""
    from django.db import connection

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")


def _pages(interface: Any, peers: int) -> Iterator[tuple[str, str, str]]:
    from django.urls import reverse

    admin, rest = reverse("admin:peers_peer_changelist"), "/api/v1/peers/"
    peer = interface.peers.order_by("-name").first()
    address = peer.addresses.first().ip
    for page, rest_query, admin_query in (
        ("all", "", ""),
        ("of the interface", f"interface={interface.pk}",
         f"interface__node__id__exact={interface.node_id}"),
        ("last of the interface", f"interface={interface.pk}&page={peers // 50}",
         f"interface__node__id__exact={interface.node_id}&p={peers // 50}"),
        ("by name", f"search={peer.name}", f"q={peer.name}"),
        ("by key", f"search={peer.public_key[:20].replace('+', '%2B')}",
         f"q={peer.public_key[:20].replace('+', '%2B')}"),
        ("by address", f"search={address}", f"q={address}"),
        ("online", "status=online", "standing=online"),
    ):  # fmt: skip
        yield "lists.rest", page, f"{rest}?{rest_query}"
        yield "lists.admin", page, f"{admin}?{admin_query}"


def _measure(client: Any, name: str, page: str, url: str, total: int) -> None:
    """Print the 95th percentile."""
    from django.db import connection

    walls, cpus = [], []
    for _ in range(ROUNDS):
        wall, cpu = time.perf_counter(), time.process_time()
        answer = client.get(url)
        walls.append((time.perf_counter() - wall) * 1000)
        cpus.append((time.process_time() - cpu) * 1000)
        if answer.status_code != 200:
            raise SystemExit(f"{url}: {answer.status_code}")
    params = {"database": connection.vendor, "peers": total, "page": page}
    cpu_ms = round(statistics.median(cpus), 1)
    p95 = sorted(walls)[ROUNDS * 95 // 100]
    report(f"{name}_p95", {**params, "cpu_ms": cpu_ms}, p95, "ms", reference="goal", beside=GOAL_MS)


def _superuser() -> Any:
    from django.contrib.auth import get_user_model
    from django.test import Client

    user, _ = get_user_model().objects.get_or_create(
        username="bench", is_superuser=True, is_staff=True
    )
    client = Client(headers={"host": "localhost"})
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


if __name__ == "__main__":
    sys.exit(main())
