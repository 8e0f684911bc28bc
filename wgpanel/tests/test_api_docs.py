"""The API's page for people, in a real browser under its own policy."""

import pytest
from django.conf import settings
from django.test import Client

from accounts.tests.builders import make_admin
from nodes.tests.builders import make_node

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def page(monkeypatch, live_server, browser_page):
    """The page of somebody who is logged in; `page.faults` are refused or foreign requests."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    make_node(name="fra1")
    client = Client()
    client.force_login(make_admin())
    name = settings.SESSION_COOKIE_NAME
    with browser_page(live_server.url) as page:
        page.faults = []
        page.on(
            "console", lambda told: page.faults.append(told.text) if told.type == "error" else 0
        )
        page.on("request", lambda asked: page.faults.append(asked.url) if foreign(asked) else 0)
        cookie = {"name": name, "value": client.cookies[name].value, "url": live_server.url}
        page.context.add_cookies([cookie])
        yield page


def foreign(asked) -> bool:
    return not asked.url.startswith(("http://localhost", "http://127.0.0.1", "data:", "blob:"))


def test_operations_are_listed_and_can_be_tried_with_nothing_from_elsewhere(page):
    page.goto("/api/docs/")
    page.locator("#operations-nodes-nodes_list").click()
    page.locator("#operations-nodes-nodes_list").get_by_text("Try it out").click()
    page.locator("#operations-nodes-nodes_list").get_by_text("Execute").click()
    page.locator(".live-responses-table", has_text="fra1").wait_for()
    assert page.faults == []
