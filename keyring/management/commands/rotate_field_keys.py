"""`manage.py rotate_field_keys`: after WGPANEL_FIELD_KEY was replaced, seal everything anew."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from keyring.rotation import Rotation, rotate, secret_columns
from keyring.sealing import current_key_id


class Command(BaseCommand):
    help = (
        "Seal every stored secret with WGPANEL_FIELD_KEY. Put the key used so far into "
        "WGPANEL_FIELD_KEY_OLD and restart the panel before. May be interrupted and repeated, "
        "and the panel may run meanwhile. Afterwards the old key can go."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what is sealed how")

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"The key in force is {current_key_id()}.")
        dry_run = options["dry_run"]
        found = {str(column): rotate(column, dry_run=dry_run) for column in secret_columns()}
        for name, rotation in found.items():
            self.stdout.write(f"{name}: {_told(rotation)}")
        if locked := sum(rotation.locked for rotation in found.values()):
            raise CommandError(f"{locked} secrets open with no configured key, and stay.")
        if not dry_run:
            self.stdout.write("Everything is sealed with it; WGPANEL_FIELD_KEY_OLD can go.")
            self.stdout.write("Share links, and API tokens not used since, end with the old key.")


def _told(rotation: Rotation) -> str:
    keys = ", ".join(f"{count} under {key}" for key, count in sorted(rotation.by_key.items()))
    return f"{keys or 'nothing stored'}; {rotation.resealed} sealed anew, {rotation.locked} locked"
