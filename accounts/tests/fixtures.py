"""The REST API as somebody calls it."""

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from accounts.tests.builders import make_admin


@pytest.fixture
def user(db: None) -> User:
    """Somebody who may do everything."""
    return make_admin()


@pytest.fixture
def api(user: User) -> APIClient:
    """The API as `user` calls it."""
    client = APIClient()
    client.force_authenticate(user)
    return client
