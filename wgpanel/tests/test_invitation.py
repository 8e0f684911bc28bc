"""A panel without an admin says at its start how to become one."""

import pytest
from django.db import DatabaseError

from accounts import setup_links
from accounts.tests.builders import make_admin
from wgpanel import invitation

pytestmark = pytest.mark.django_db


def test_the_link_leads_to_the_page(client):
    line = invitation.text("127.0.0.1:8000")
    link = line.rpartition(" ")[2]
    assert link.startswith("http://127.0.0.1:8000/setup/")
    assert client.get(link).status_code == 200


def test_behind_a_proxy_the_link_has_the_address_that_people_use(settings):
    settings.CSRF_TRUSTED_ORIGINS = ["https://panel.example"]
    assert "https://panel.example/setup/" in invitation.text("0.0.0.0:8000")


def test_nothing_is_said_where_there_is_an_admin():
    make_admin()
    assert invitation.text("127.0.0.1:8000") == ""


def test_nothing_is_said_without_a_database(monkeypatch):
    def away():
        raise DatabaseError("away")

    monkeypatch.setattr(setup_links, "make", away)
    assert invitation.text("127.0.0.1:8000") == ""
