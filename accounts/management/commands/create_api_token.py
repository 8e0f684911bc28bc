"""`manage.py create_api_token USER`: a token for scripts, printed once."""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import tokens


class Command(BaseCommand):
    help = "Print a new API token of USER. It is shown once: only its digest is stored."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", metavar="USER")
        parser.add_argument("--name", default="", help="what will use the token")
        parser.add_argument(
            "--days", type=int, default=tokens.DEFAULT_DAYS, help=f"lifetime, {tokens.MAX_DAYS} max"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        users = get_user_model()
        try:
            user = users.objects.get_by_natural_key(options["user"])
            token = tokens.issue(user, name=options["name"], days=options["days"])
        except users.DoesNotExist as error:
            raise CommandError(f"There is no user {options['user']!r}.") from error
        except tokens.TokenRefused as error:
            raise CommandError(str(error)) from error
        self.stdout.write(token)
