"""The first superuser: there is never a default password."""

import secrets

from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password

USERNAME = "admin"


class NameTaken(Exception):
    """The name `admin` belongs to somebody who is no superuser."""


def ensure(password: str | None) -> str | None:
    """Let `admin` have `password`; without one, create `admin` where nobody is a superuser.

    Returns the password that was made up, or None. Raises NameTaken, and ValidationError for a
    weak password.
    """
    if password:
        _give(password)
        return None
    if get_user_model().objects.filter(is_superuser=True).exists():
        return None
    made_up = secrets.token_urlsafe(15)
    _give(made_up)
    return made_up


def _give(password: str) -> None:
    users = get_user_model()
    user = users.objects.filter(username=USERNAME).first()
    if user is None:
        user = users(username=USERNAME, is_staff=True, is_superuser=True)
    if not user.is_superuser:
        raise NameTaken(f"The user {USERNAME} exists and is no superuser.")
    validate_password(password, user)
    # a password that is the same already would end the admin's sessions for nothing
    if not user.check_password(password):
        user.set_password(password)
        user.save()
