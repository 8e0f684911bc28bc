"""A link by which somebody at the panel's log becomes its first admin, once and for an hour."""

import datetime as dt
import secrets

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from accounts.models import SetupLink
from keyring.digests import digest, digests

PURPOSE = "setup link"
LIFETIME = dt.timedelta(hours=1)


class LinkEnded(Exception):
    """The link was never good, is used or too old, or the panel has an admin."""


@sensitive_variables()
def make() -> str | None:
    """Return the token of a new link, or None where somebody is an admin already."""
    if has_admin():
        return None
    SetupLink.objects.filter(expires_at__lte=timezone.now()).delete()
    token = secrets.token_hex(32)
    SetupLink.objects.create(digest=digest(PURPOSE, token), expires_at=timezone.now() + LIFETIME)
    return token


def has_admin() -> bool:
    return User.objects.filter(is_superuser=True, is_active=True).exists()


def is_good(token: str) -> bool:
    return _living(token).exists() and not has_admin()


@sensitive_variables()
def spend(token: str, user: User) -> None:
    """Save `user` as the first admin; raise LinkEnded, and save nothing, where the link is over.

    Whoever deletes the row has the link: of two at the same time one becomes admin.
    """
    with transaction.atomic():
        if not _living(token).delete()[0] or has_admin():
            raise LinkEnded
        SetupLink.objects.all().delete()
        user.is_staff = user.is_superuser = True
        user.save()


def _living(token: str) -> QuerySet[SetupLink]:
    made = digests(PURPOSE, token)
    return SetupLink.objects.filter(digest__in=made, expires_at__gt=timezone.now())
