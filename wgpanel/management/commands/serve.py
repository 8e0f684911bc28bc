"""`manage.py serve`: the whole panel on one host, in the foreground."""

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.default_passwords import refuse_default_passwords
from wgpanel import checks, embedded, invitation, static_files, supervision


class Command(BaseCommand):
    help = (
        "Run the whole panel on this host until Ctrl-C: web, workers, beat and, while REDIS_URL "
        "is empty, an embedded Valkey. Migrates the database first; restarts what dies."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--bind", default=f"127.0.0.1:{settings.PORT}", help="ADDRESS:PORT")
        parser.add_argument("--web-workers", type=int, default=2, help="web processes")
        parser.add_argument("--poll-workers", type=int, default=1, help="polling processes")

    def handle(self, *args: Any, **options: Any) -> None:
        if pid := supervision.running_pid(settings.STATE_DIR):
            raise CommandError(f"A panel runs from {settings.STATE_DIR} already (process {pid}).")
        if fault := checks.fault_of_bind(options["bind"]):
            raise CommandError(fault)
        call_command("migrate", interactive=False, verbosity=0)
        refuse_default_passwords()
        static_files.collect()
        programs = supervision.programs(
            bind=options["bind"],
            web_workers=options["web_workers"],
            poll_workers=options["poll_workers"],
        )
        if not settings.REDIS_URL:
            embedded.prepare(settings.STATE_DIR)
        supervision.clear_metrics(settings.STATE_DIR)
        path = supervision.write(programs, settings.STATE_DIR)
        if line := invitation.text(options["bind"]):
            self.stdout.write(line)
        self.stdout.flush()
        os.execv(sys.executable, supervision.command(path))  # noqa: S606
