"""Count places, addresses and hashes again; say what was wrong and put it right."""

from typing import Any

from django.core.management.base import BaseCommand

from peers import recounting


class Command(BaseCommand):
    help = "Count places, addresses and hashes again, and put right what is not as it should be."

    def handle(self, *args: Any, **options: Any) -> None:
        faults = recounting.report()
        self.stdout.write("\n".join(faults) or "Everything adds up.")
