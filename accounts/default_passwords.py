"""No default password opens a panel: who uses one keeps it from starting."""

import logging

from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError
from django.db.models import Q

logger = logging.getLogger(__name__)
DEFAULTS = ("admin", "password", "changeme", "change-me", "wgpanel")
# Each try takes as long as a login: those that matter most, in order of their making
LOOKED_AT = 20


def refuse_default_passwords() -> None:
    """Raise ImproperlyConfigured when somebody who may log in has a known default password.

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
    insiders = User.objects.filter(Q(is_superuser=True) | Q(is_staff=True), is_active=True)
    first = insiders.order_by("-is_superuser", "pk")[:LOOKED_AT]
    return [user.username for user in first if _has_default(user)]


def _has_default(user: User) -> bool:
    # never through `check_password` of the user, which would store a stronger hash
    return user.has_usable_password() and any(
        check_password(word, user.password) for word in {*DEFAULTS, user.username}
    )
