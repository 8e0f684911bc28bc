"""Drift of a whole node or group, looked through and settled in a real browser."""

import pytest
from django.conf import settings
from django.test import Client

from accounts.tests.builders import make_admin
from nodes.models import Interface
from nodes.tests.builders import make_group, make_online_node
from peers.tests.builders import make_interface, make_peer
from reconcile.checks.drift import Item
from reconcile.models import Drift, DriftState, ReconcileRun

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LOOKS = ((390, 844, "dark"), (1440, 900, "light"))


@pytest.fixture
def page(monkeypatch, live_server, browser_page):
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    client = Client()
    client.force_login(make_admin())
    name = settings.SESSION_COOKIE_NAME
    cookie = {"name": name, "value": client.cookies[name].value, "url": live_server.url}
    with browser_page(live_server.url) as page:
        page.context.add_cookies([cookie])
        yield page


@pytest.fixture
def europe():
    """A group of three: a peer is missing on two nodes, the third told nothing."""
    group = make_group(name="Europe")
    for number in range(3):
        node = make_online_node(name=f"fra-{number}", group=group)
        peer = make_peer(interface=make_interface(node=node, name="wg0"))
        items = [Item("missing", peer.public_key).as_json()] if number < 2 else []
        state = DriftState.DRIFTED if items else DriftState.UNKNOWN
        Drift.objects.create(
            interface=peer.interface, state=state, items=items, count=len(items),
            reason="" if items else "Nobody answers.",
        )  # fmt: skip
    return group


def take_pictures(page, tmp_path, name):
    for width, height, theme in LOOKS:
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=theme)
        page.screenshot(path=tmp_path / f"{name}-{width}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_from_a_group_its_interfaces_are_set_right_together(page, europe, tmp_path):
    make_interface()  # of no group
    page.goto(f"/admin/groups/nodegroup/{europe.pk}/change/")
    page.get_by_role("link", name="Drift of its interfaces").click()
    page.locator("tr", has_text="fra-0 / wg0").wait_for()
    take_pictures(page, tmp_path, "list")
    page.locator("#action-toggle").check()
    page.locator("select[name=action]").select_option(label="Reconcile …")
    page.get_by_role("button", name="Run").click()
    page.get_by_role("heading", name="What will be done").wait_for()
    take_pictures(page, tmp_path, "preview")
    page.get_by_role("button", name="Do exactly this").click()
    page.get_by_text("2 interfaces will be set right as previewed.").wait_for()
    reconciled = Interface.objects.filter(reconcile_runs__in=ReconcileRun.objects.all())
    assert {it.node.name for it in reconciled} == {"fra-0", "fra-1"}
