"""Give a person's program a token, once and for a limited time."""

import datetime as dt

from django.contrib.auth.models import AbstractBaseUser

from accounts.models import ApiToken, password_digest

DEFAULT_DAYS = 90
MAX_DAYS = 365


class TokenRefused(Exception):
    """No token is given; the text says why."""


def issue(user: AbstractBaseUser, *, name: str = "", days: int = DEFAULT_DAYS) -> str:
    """Return a new token of `user`. It is not stored and cannot be shown again.

    Raises TokenRefused for an inactive user, and for a lifetime outside 1 to MAX_DAYS days.
    """
    if not user.is_active:
        raise TokenRefused(f"{user.get_username()} is inactive.")
    if not 1 <= days <= MAX_DAYS:
        raise TokenRefused(f"A token lives 1 to {MAX_DAYS} days.")
    if len(name) > ApiToken._meta.get_field("name").max_length:
        raise TokenRefused("The name is too long.")
    _, token = ApiToken.objects.create(
        user,
        expiry=dt.timedelta(days=days),
        name=name,
        password_digest=password_digest(user),
    )
    return token
