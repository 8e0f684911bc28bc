import pytest
from django.contrib.auth.models import User
from django.test import Client

from accounts.tests.builders import make_boss


@pytest.fixture
def boss(db: None, client: Client) -> User:
    """An admin who has a password, signed in as `client`."""
    user = make_boss()
    client.force_login(user)
    return user
