"""A fleet from the command line.

python -m lab up --nodes 3 --clients 6     until Ctrl-C or SIGTERM
python -m lab status
python -m lab down                         from elsewhere; also after a crash
"""

import argparse
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from lab import wireguard
from lab.agent import answers_healthy
from lab.cleanup import sweep_dead
from lab.errors import LabError
from lab.fleet import Fleet
from lab.instance import Instance
from lab.namespaces import Namespace
from lab.record import Record
from lab.undisturbed import SIGNALS

DEFAULT_DIRECTORY = Path("var/lab")
DOWN_SECONDS = 30.0


class Stopped(Exception):
    """Somebody asked the lab to end."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0, or 1 with the reason on standard error."""
    options = make_parser().parse_args(arguments)
    try:
        options.act(options)
    except LabError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lab",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    acts = parser.add_subparsers(required=True, metavar="up | status | down")
    start = acts.add_parser("up", help="make a fleet and keep it until Ctrl-C or SIGTERM")
    start.add_argument("--nodes", type=int, default=3, help="WireGuard servers (3)")
    start.add_argument("--clients", type=int, default=6, help="clients, spread over them (6)")
    start.add_argument("--groups", default="Europe,Asia", help="names, taken in turn (Europe,Asia)")
    start.add_argument("--without-agents", action="store_true", help="WireGuard only")
    start.set_defaults(act=up)
    acts.add_parser("status", help="what is up here").set_defaults(act=status)
    acts.add_parser("down", help="end it, or remove what a crash left").set_defaults(act=down)
    for act in acts.choices.values():
        act.add_argument("--directory", type=Path, default=DEFAULT_DIRECTORY)
    return parser


def up(options: argparse.Namespace) -> None:
    """Run a fleet in this process until a signal comes."""
    names = options.groups.split(",")
    groups = [names[number % len(names)] for number in range(options.nodes)]
    asked = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        asked.set()  # an exception that is raised amid an import may be swallowed there
        raise Stopped

    for number in SIGNALS:
        signal.signal(number, stop)
    with (
        suppress(Stopped),
        Fleet(
            options.directory,
            groups=groups,
            clients=options.clients,
            agents=not options.without_agents,
        ) as fleet,
    ):
        fleet.wait_for_handshakes()
        status(options)
        asked.wait()
    print("lab: everything removed")


def status(options: argparse.Namespace) -> None:
    """One line for each node."""
    fleet = Record(options.directory).fleet()
    if fleet is None:
        raise LabError(f"no lab is up in {options.directory}")
    for node in fleet["nodes"]:
        keys = [c["public_key"] for c in fleet["clients"] if c["node"] == node["name"]]
        print(node_line(Instance(fleet["instance"]), node, keys))


def node_line(instance: Instance, node: dict[str, str], client_keys: Sequence[str]) -> str:
    """Where it is, how its agent is, how many of its clients ever shook hands."""
    agent = "healthy" if answers_healthy(node["url"]) else "not healthy"
    seen = wireguard.handshakes(Namespace.of(instance, node["host"]))
    connected = sum(1 for key in client_keys if seen.get(key, 0) > 0)
    clients = f"{connected} of {len(client_keys)} clients connected"
    return f"{node['host']:4} {node['name']:14} {node['url']:24} agent {agent}, {clients}"


def down(options: argparse.Namespace) -> None:
    """Ask the owner to end, wait for it, then remove whatever dead labs left."""
    owner = Record(options.directory).owner()
    if owner is not None and owner.terminate():
        deadline = time.monotonic() + DOWN_SECONDS
        while owner.is_alive:
            if time.monotonic() > deadline:
                raise LabError(f"process {owner.pid} does not end")
            time.sleep(0.05)
    for instance in sweep_dead():
        print(f"{instance.name}: removed what was left of it")


if __name__ == "__main__":
    sys.exit(main())
