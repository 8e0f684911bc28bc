"""`manage.py doctor`: what is wrong with this installation, in words."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError

from wgpanel import diagnosis, reachability
from wgpanel.diagnosis import Finding


class Command(BaseCommand):
    help = (
        "Look at configuration, database, migrations, broker, keys, file modes, static files, "
        "processes, clock and every node. Exit status 0: nothing is wrong; 1: something is."
    )
    requires_system_checks = ()  # they are the first thing that it reports

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object")
        parser.add_argument("--no-nodes", action="store_true", help="ask no node")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = list(_findings(with_nodes=not options["no_nodes"]))
        is_well = all(found.status != "problem" for found in findings)
        self._print(findings, is_well, as_json=options["json"])
        if not is_well:
            sys.exit(1)

    def _print(self, findings: list[Finding], is_well: bool, *, as_json: bool) -> None:
        if as_json:
            told = [{"status": found.status, **asdict(found)} for found in findings]
            self.stdout.write(json.dumps({"ok": is_well, "findings": told}))
            return
        paint = {"ok": self.style.SUCCESS, "warning": self.style.WARNING}
        for found in findings:
            self.stdout.write(paint.get(found.status, self.style.ERROR)(str(found)))


def _findings(*, with_nodes: bool) -> Iterator[Finding]:
    yield from diagnosis.examine()
    if with_nodes:
        try:
            yield from reachability.examine()
        except DatabaseError:
            yield Finding("nodes", problem=diagnosis.DOES_NOT_ANSWER, advice="see above")
