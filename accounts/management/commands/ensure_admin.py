"""`manage.py ensure_admin`: the first superuser of a new panel."""

import os
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts import first_admin

VARIABLE = "WGPANEL_ADMIN_PASSWORD"


class Command(BaseCommand):
    help = (
        f"Create the superuser {first_admin.USERNAME} if nobody is a superuser, with the password "
        f"in {VARIABLE} or a random one, which is printed once. With {VARIABLE} set, an existing "
        f"{first_admin.USERNAME} gets that password."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            made_up = first_admin.ensure(os.environ.get(VARIABLE))
        except first_admin.NameTaken as error:
            raise CommandError(str(error)) from error
        except ValidationError as error:
            raise CommandError(f"{VARIABLE}: {' '.join(error.messages)}") from error
        if made_up:
            self.stdout.write(f"user {first_admin.USERNAME}, password {made_up}")
