"""No default password opens a panel: who uses one keeps it from starting."""

import logging

from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

logger = logging.getLogger(__name__)
DEFAULTS = ("admin", "password", "changeme", "change-me", "wgpanel")
# Each try takes as long as a login: those that matter most, in order of their making
LOOKED_AT = 20


def refuse_default_passwords() -> None:
    """Raise ImproperlyConfigured when an admin has a known default password.

    Without a database nobody logs in, so one that is away is no reason to end.
    """
    try:
        found = _holders()
    except DatabaseError as error:
        logger.warning("cannot look for default passwords: %s", error)
        return
    if found:
        raise ImproperlyConfigured(
            f"{', '.join(found)} has a known default password: `manage.py changepassword NAME`."
        )


def _holders() -> list[str]:
    admins = User.objects.filter(is_active=True, is_superuser=True).order_by("pk")[:LOOKED_AT]
    return [user.username for user in admins if _has_default(user)]


def _has_default(user: User) -> bool:
    # never through `check_password` of the user, which would store a stronger hash
    return user.has_usable_password() and any(
        check_password(word, user.password) for word in {*DEFAULTS, user.username}
    )
