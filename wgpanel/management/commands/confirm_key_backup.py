"""`manage.py confirm_key_backup`: say that the field key is backed up, and end the reminder."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from keyring import backups
from keyring.sealing import current_key_id
from wgpanel.key_backup import COMPARE, whereabouts


class Command(BaseCommand):
    help = "Confirm that the field key is backed up. A new field key is asked for again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--yes", action="store_true", help="ask nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        key_id = current_key_id()
        self.stdout.write(f"The field key {key_id} lies in {whereabouts()}.")
        self.stdout.write(f"For a copy that is whole, this prints {key_id}: {COMPARE}")
        if not options["yes"] and _typed() != key_id:
            raise CommandError("That is not the id of the key; nothing is confirmed.")
        backups.confirm("manage.py")
        self.stdout.write("Confirmed.")


def _typed() -> str:
    try:
        return input("Type the id that your copy has: ").strip()
    except EOFError as error:
        raise CommandError("There is nobody to ask; --yes asks nothing.") from error
