"""People for tests."""

import itertools
from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client

from accounts.sessions import FRESH_SECONDS, PROVED

_numbers = itertools.count(1)
GOOD_PASSWORD = "violet-otter-pours-tea"


def make_user(*permissions: str, **fields: Any) -> User:
    """Save a user who may what `permissions` name, each as `app.codename`."""
    user = User.objects.create(**{"username": f"user-{next(_numbers)}", **fields})
    for permission in permissions:
        app, codename = permission.split(".")
        user.user_permissions.add(
            Permission.objects.get(content_type__app_label=app, codename=codename)
        )
    return user


def make_staff(*permissions: str, **fields: Any) -> User:
    return make_user(*permissions, **{"is_staff": True, **fields})


def make_admin(**fields: Any) -> User:
    return make_staff(**{"is_superuser": True, **fields})


def make_boss() -> User:
    """Save an admin who has a password, GOOD_PASSWORD."""
    user = make_admin(username="boss")
    user.set_password(GOOD_PASSWORD)
    user.save()
    return user


def let_password_age(client: Client) -> None:
    """Let so much time pass in the session that the panel asks for the password again."""
    session = client.session
    session[PROVED] -= FRESH_SECONDS + 1
    session.save()
