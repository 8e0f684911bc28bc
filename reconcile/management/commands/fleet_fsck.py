"""Check that the fleet keeps its promises: the panel's rows, and what each node has."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from peers.models import Peer
from reconcile.fsck import nodes as fsck_nodes
from reconcile.fsck import rows as fsck_rows
from reconcile.fsck.invariants import PROMISES, Report

WAIT_SECONDS = 30.0
PROMISED = "; ".join(f"{name} {promise}" for name, promise in PROMISES.items())


class Command(BaseCommand):
    help = (
        "Check that nothing is lost, given twice or left behind. Exit status 0: all is well; "
        f"1: a promise is broken; 2: not everything could be checked. The promises: {PROMISED}."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object")
        parser.add_argument("--rows-only", action="store_true", help="ask no node")
        parser.add_argument(
            "--wait",
            type=float,
            default=WAIT_SECONDS,
            metavar="SECONDS",
            help="how long changes may be on their way before that is an error (default: 30)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        report = Report(peers=Peer.objects.existing().count())
        if not options["rows_only"]:
            fsck_nodes.wait_until_delivered(options["wait"])
        report.violations += fsck_rows.check(timezone.now())
        if not options["rows_only"]:
            fsck_nodes.check(report)
        self._print(report, as_json=options["json"])
        if report.exit_status:
            sys.exit(report.exit_status)

    def _print(self, report: Report, *, as_json: bool) -> None:
        text = json.dumps(report.as_json()) if as_json else "\n".join(report.lines())
        self.stdout.write(text)
