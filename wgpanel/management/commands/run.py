"""`manage.py run ROLE`: one process of the panel, as a container or a unit of systemd runs it."""

import os
import tempfile
from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.default_passwords import refuse_default_passwords
from wgpanel import checks, invitation, roles, static_files

HELP = """\
Become one process of the panel, in the foreground, until SIGTERM.

  web           the pages and the REST API (gunicorn)
  worker        every queue in one process: for a small fleet
  worker-poll   asks the nodes how they are
  worker-sync   brings the nodes to what is wanted
  worker-maint  everything that is in no hurry
  beat          the clock of the workers: run exactly one
  migrate       brings the database up to date, collects static files, and ends

Run `migrate` first, once for each release. All but migrate need REDIS_URL; `manage.py serve` is
the whole panel on one host and brings its own broker."""


class Command(BaseCommand):
    help = HELP

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.formatter_class = RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("role", metavar="ROLE", choices=roles.NAMES, help="see above")
        parser.add_argument(
            "--bind", default=f"127.0.0.1:{settings.PORT}", help="web: ADDRESS:PORT or unix:PATH"
        )
        parser.add_argument(
            "--workers", type=int, help="web: processes; workers: tasks at the same time"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["role"] == roles.MIGRATE:
            self._migrate()
        else:
            self._become(options["role"], options["bind"], options["workers"])

    def _become(self, role: str, bind: str, workers: int | None) -> None:
        if not settings.REDIS_URL:
            raise CommandError(
                "REDIS_URL is empty: name the broker that all processes share, or use "
                "`manage.py serve`, which brings its own."
            )
        if role == "web":
            self._prepare_web(bind)
        words = roles.words(role, bind=bind, workers=workers)
        self.stdout.flush()
        os.chdir(settings.BASE_DIR)
        os.execv(words[0], words)  # noqa: S606

    def _migrate(self) -> None:
        call_command("migrate", interactive=False, verbosity=1)
        static_files.collect()

    def _prepare_web(self, bind: str) -> None:
        """Let the processes of this gunicorn, and no other, count into one folder."""
        if fault := checks.fault_of_bind(bind):
            raise CommandError(fault)
        refuse_default_passwords()
        if line := invitation.text(bind):
            self.stdout.write(line)
        static_files.collect_missing()
        os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", tempfile.mkdtemp(prefix="wgpanel-"))
