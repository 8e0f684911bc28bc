"""`manage.py select_node`: which node would take the next peer, and why; nothing is reserved."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from groups.models import NodeGroup
from selection.decision import WORDS, Candidate, NoNodeAvailable
from selection.outlook import WhatIf, what_if
from selection.pool import AUTO
from selection.selector import select_node


class Command(BaseCommand):
    help = "Print the node that would take the next peer. Nothing is reserved."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--group", help="id or name; without it the whole fleet is looked at")
        parser.add_argument(
            "--strategy", default=AUTO, help="auto, priority, or the id or name of a node"
        )
        parser.add_argument(
            "--explain", action="store_true", help="print the candidates and who is left out too"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        wish = {"strategy": options["strategy"], "group": options["group"]}
        try:
            if options["explain"]:
                self._explain(what_if(**wish))
            else:
                self.stdout.write(select_node(**wish).node)
        except NodeGroup.DoesNotExist as error:
            raise CommandError(f"There is no group {options['group']!r}.") from error
        except NoNodeAvailable as error:
            raise CommandError(str(error)) from error

    def _explain(self, answer: WhatIf) -> None:
        self.stdout.write(answer.decision.node)
        for place, candidate in enumerate(answer.decision.candidates, start=1):
            self.stdout.write(f"{place:3}. {_described(candidate)}")
        for code, count in answer.exclusions.items():
            self.stdout.write(f"left out: {count} {WORDS[code]}")


def _described(candidate: Candidate) -> str:
    total = f"{candidate.score.total:.3f}"
    return f"{candidate.node}  {total}  {'; '.join(candidate.load.words)}"
