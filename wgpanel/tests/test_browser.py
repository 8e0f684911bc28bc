"""The admin in a real browser: it works, it keeps itself up to date, it asks nobody outside."""

import re

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from nodes.models import Interface, Node, Status
from nodes.polls import poll_counts
from nodes.tests.builders import make_group, make_node, make_online_node
from peers.models import Peer
from peers.tests.builders import make_interface as make_panel_interface
from peers.tests.builders import make_peer
from schedule.models import Heartbeat

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PASSWORD = "violet-otter-pours-tea"
LIST = "/admin/nodes/node/"
NEXT_PEERS = "/admin/next-peers/?peers=60"
INTERFACES, PEERS = "/admin/nodes/interface/", "/admin/peers/peer/"


@pytest.fixture
def fleet(monkeypatch):
    """Four nodes in a group, three of them well. The page's event loop is no reason not to ask."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    User.objects.create_superuser("operator", password=PASSWORD)
    for job in ("beat", "poll"):
        Heartbeat.beat(job)
    poll_counts.note(40, 1, timezone.now())
    europe = make_group(name="Europe", region="eu-central", priority=5)
    for number in range(3):
        make_online_node(name=f"fra-{number}", group=europe)
    make_node(name="fra-9", group=europe, status=Status.OFFLINE, status_reason="No answer.")
    interface = make_panel_interface(node=Node.objects.get(name="fra-1"), name="wg0")
    make_peer(interface=interface, delivered_fingerprint="a" * 64)
    return europe


@pytest.fixture
def page(fleet, live_server, browser_page):
    """A page of somebody who has signed in; `page.faults` are what a user's browser would note."""
    client = Client()
    client.force_login(User.objects.get())
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    cookie = {"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}
    with browser_page(live_server.url) as page:
        page.faults = watch(page, live_server.url)
        page.clock.install()
        page.context.add_cookies([cookie])
        yield page


def watch(page, base_url):
    faults = []
    page.on("console", lambda m: faults.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("dialog", lambda dialog: (faults.append("a dialog"), dialog.dismiss()))
    page.on("request", lambda r: None if is_ours(r.url, base_url) else faults.append(r.url))
    page.on("response", lambda r: faults.append(r.url) if r.status >= 400 else None)
    return faults


def is_ours(url, base_url):
    return url.startswith((f"{base_url}/", "data:"))


def address(node):
    return f"{LIST}{node.pk}/change/"


def peers_pages():
    """Of an interface and a peer: lists, pages, forms."""
    interface, peer = Interface.objects.get(), Peer.objects.get()
    return (
        INTERFACES, f"{INTERFACES}add/", f"{INTERFACES}{interface.pk}/change/",
        PEERS, f"{PEERS}?file=outdated", f"{PEERS}add/", f"{PEERS}{peer.pk}/change/",
        f"{PEERS}{peer.pk}/delete/", "/admin/reconcile/drift/", "/admin/nodes/jointoken/add/",
    )  # fmt: skip


def pass_time(page):
    """Let the timers of the page come round, all of them."""
    page.clock.fast_forward(20_000)


def test_an_operator_signs_in_and_sees_the_fleet_the_list_and_a_node(page, tmp_path):
    page.context.clear_cookies()
    page.goto("/admin/")
    page.fill("#id_username", "operator")
    page.fill("#id_password", PASSWORD)
    page.click("button[type=submit]")
    page.get_by_text("3 online").wait_for()
    page.click(f"nav a[href='{LIST}'], #nav-sidebar a[href='{LIST}']")
    page.get_by_role("link", name=re.compile("fra-1")).click()
    page.get_by_role("heading", name="Interfaces").wait_for()
    picture = tmp_path / "node.png"
    page.screenshot(path=picture)
    assert picture.stat().st_size > 20_000
    assert page.faults == []


def test_no_page_asks_anybody_outside_or_has_a_script_that_fails(page, fleet):
    node = Node.objects.first()
    pages = (
        "/admin/", LIST, NEXT_PEERS, address(node), f"{LIST}add/", f"{LIST}{node.pk}/history/",
        f"{LIST}{node.pk}/delete/", "/admin/groups/nodegroup/",
        f"/admin/groups/nodegroup/{fleet.pk}/change/", "/admin/nodes/pollingpolicy/1/change/",
        "/admin/django_celery_beat/periodictask/add/", "/admin/auth/user/",
        "/admin/accounts/apitoken/add/", *peers_pages(),
    )  # fmt: skip
    for path in pages:
        page.goto(path)
        pass_time(page)
        page.wait_for_load_state("networkidle")
        assert page.faults == [], path


def test_the_page_of_a_node_follows_the_node(page):
    node = Node.objects.get(name="fra-1")
    page.goto(address(node))
    page.locator("#raw-report summary").click()
    Node.objects.update(status=Status.OFFLINE, status_reason="Connection refused.")
    pass_time(page)
    page.locator("#live", has_text="Connection refused.").wait_for()
    assert page.locator("#raw-report").get_attribute("open") is not None
    assert page.faults == []


def test_the_list_follows_its_nodes_and_keeps_what_is_ticked_and_open(page):
    page.goto(LIST)
    row = page.locator("tr.data-row", has_text="fra-1")
    row.get_by_text("expand_more").click()
    page.get_by_role("rowheader", name="wg0").wait_for()
    row.locator("input[type=checkbox]").check()
    Node.objects.update(status=Status.OFFLINE, status_reason="Connection refused.")
    pass_time(page)
    row.get_by_text("Connection refused.").wait_for()
    assert row.locator("input[type=checkbox]").is_checked()
    assert page.get_by_role("rowheader", name="wg0").is_visible()
    assert page.faults == []


def test_the_page_of_a_node_leads_to_an_interface_and_that_to_its_peers(page):
    page.goto(address(Node.objects.get(name="fra-1")))
    page.locator("#live").get_by_role("link", name="wg0").click()
    page.get_by_text("1 client holds an outdated file.").wait_for()
    page.locator("#live").get_by_role("link", name="1", exact=True).click()
    page.get_by_role("link", name=re.compile(Peer.objects.get().name)).wait_for()
    assert page.faults == []


def test_a_panel_that_does_not_answer_is_announced_over_what_is_known(page):
    page.goto("/admin/")
    page.route("**/admin/live/", lambda route: route.abort())
    assert not page.get_by_text("The panel does not answer.").is_visible()
    pass_time(page)
    page.get_by_text("The panel does not answer.").wait_for()
    page.unroute("**/admin/live/")
    pass_time(page)
    page.get_by_text("The panel does not answer.").wait_for(state="hidden")


def test_an_ended_session_leads_to_the_login_and_never_into_the_page(page):
    page.goto("/admin/")
    page.context.clear_cookies()
    pass_time(page)
    page.wait_for_url("**/admin/login/**")
    assert page.locator("#id_password").count() == 1
    assert "fra-1" not in page.content()


def test_a_secret_is_made_in_the_browser_and_not_shown_again(page):
    page.goto(f"{LIST}add/")
    page.fill("#id_name", "paris-1")
    page.fill("#id_agent_url", "http://127.0.0.1:9")
    page.get_by_role("button", name="Generate").click()
    secret = page.input_value("#id_new_secret")
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", secret)
    page.click("button[name=_save]")
    page.get_by_text("WGPANEL_AGENT_NODE_ID=").wait_for()
    assert secret not in page.content()
    assert Node.objects.get(name="paris-1").secret.reveal() == secret


def test_a_connection_is_tested_in_place(page):
    page.goto(address(make_node(agent_url="http://127.0.0.1:9")))
    page.get_by_role("button", name="Test connection").click()
    page.locator("#tested", has_text="No answer that can be believed.").wait_for()
    assert page.faults == []


def test_a_hostile_name_runs_nothing(page):
    hostile = "\"><img src=x onerror=alert(1)><script>alert(2)</script>' x-init='alert(3)"
    node = Node.objects.first()
    Node.objects.update(status_reason=hostile, status=Status.DEGRADED)
    Node.objects.filter(pk=node.pk).update(name=hostile[:64], agent_version="<b x-init=alert(4)>")
    for path in ("/admin/", LIST, NEXT_PEERS, address(node), f"{LIST}{node.pk}/delete/"):
        page.goto(path)
        pass_time(page)
        page.wait_for_load_state("networkidle")
    assert page.faults == []


def test_a_telephone_shows_each_page_without_scrolling_sideways_in_light_and_dark(page):
    page.set_viewport_size({"width": 390, "height": 844})
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        node = address(Node.objects.get(name="fra-1"))
        for path in ("/admin/", LIST, NEXT_PEERS, node, *peers_pages()):
            page.goto(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
            assert ("dark" in (page.locator("html").get_attribute("class") or "")) is (
                theme == "dark"
            )
    assert page.faults == []
