"""The pages by which people come in, in a real browser, at a desk and on a telephone."""

import zipfile

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from accounts import setup_links
from accounts.tests.builders import GOOD_PASSWORD, let_password_age, make_boss
from nodes.models import Node, Status
from nodes.tests.builders import make_node
from nodes.tests.joining import Joiner
from peers.tests.builders import make_key, make_peer
from wgpanel.tests.test_browser import watch

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LOGIN, NODES, PEERS = "/admin/login/", "/admin/nodes/node/", "/admin/peers/peer/"
LOOKS = ((390, 844, "dark"), (1440, 900, "light"))


@pytest.fixture
def page(monkeypatch, live_server, browser_page):
    """A page of somebody whom the panel does not know."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with browser_page(live_server.url) as page:
        page.faults = watch(page, live_server.url)
        yield page


@pytest.fixture
def boss() -> User:
    return make_boss()


@pytest.fixture
def signed_in(page, boss, live_server):
    """The page of an admin who typed the password a while ago."""
    client = Client()
    client.force_login(boss)
    let_password_age(client)
    name = settings.SESSION_COOKIE_NAME
    cookie = {"name": name, "value": client.cookies[name].value, "url": live_server.url}
    page.context.add_cookies([cookie])
    return page


def faults_in(page, tmp_path, name):
    """Take pictures for people, and look for scrolling sideways; return what the console says."""
    page.wait_for_load_state("networkidle")
    for width, height, theme in LOOKS:
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=theme)
        page.screenshot(path=tmp_path / f"{name}-{width}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    return page.faults


def sign_in(page, password):
    page.fill("#id_username", "boss")
    page.fill("#id_password", password)
    page.click("button[type=submit]")


def test_the_setup_link_makes_the_first_admin_and_signs_in(page, tmp_path):
    page.goto(f"/setup/{setup_links.make()}/")
    assert faults_in(page, tmp_path, "setup") == []
    page.get_by_label("Username").fill("boss")
    page.get_by_label("Password", exact=True).fill(GOOD_PASSWORD)
    page.get_by_label("Password confirmation").fill("another")
    page.get_by_role("button", name="Become admin").click()
    page.get_by_role("alert").first.wait_for()
    assert faults_in(page, tmp_path, "setup-refused") == []
    page.get_by_label("Password", exact=True).fill(GOOD_PASSWORD)
    page.get_by_label("Password confirmation").fill(GOOD_PASSWORD)
    page.get_by_role("button", name="Become admin").click()
    page.wait_for_url("**/admin/")
    assert User.objects.get().is_superuser


def test_a_setup_link_that_has_ended_says_what_to_do(page, boss, tmp_path):
    page.goto("/setup/unknown/")
    faults_in(page, tmp_path, "setup-ended")
    assert page.locator("input[type=password]").count() == 0
    page.get_by_role("link", name="Log in").click()
    page.wait_for_url("**/login/")


def test_a_guesser_is_told_how_long_to_wait(page, boss, tmp_path):
    page.goto(LOGIN)
    assert faults_in(page, tmp_path, "login") == []
    for _ in range(5):
        sign_in(page, "wrong")
    page.get_by_text("Wait a minute").wait_for()
    faults_in(page, tmp_path, "locked-out")
    page.get_by_role("link", name="try again").click()
    page.wait_for_url("**/login/")


def test_a_node_is_forgotten_after_the_password_and_without_typing_anything_else(
    signed_in, tmp_path
):
    page, node = signed_in, make_node(name="fra-1")
    page.goto(f"{NODES}{node.pk}/delete/")
    page.get_by_role("button", name="Forget this node").click()
    page.get_by_text("Is it still you, boss?").wait_for()
    assert faults_in(page, tmp_path, "confirm") == []
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Go on").click()
    page.get_by_text("That is not your password.").wait_for()
    assert faults_in(page, tmp_path, "confirm-wrong") == []
    page.get_by_label("Password").fill(GOOD_PASSWORD)
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url(f"**{NODES}")
    assert not Node.objects.exists()


def test_who_thinks_better_of_it_gets_back(signed_in):
    page, node = signed_in, make_node(name="fra-1")
    page.goto(f"{NODES}{node.pk}/delete/")
    page.get_by_role("button", name="Forget this node").click()
    page.get_by_role("link", name="Back", exact=True).click()
    page.wait_for_url(f"**{NODES}{node.pk}/delete/")
    assert Node.objects.exists()


def test_the_files_of_many_peers_come_as_a_zip_after_the_password(signed_in, tmp_path):
    page, peer = signed_in, make_peer(name="laptop", private_key=make_key())
    page.goto(PEERS)
    page.locator("tr.data-row input[type=checkbox]").check()
    page.locator("select[name=action]").select_option("export")
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_label("Password").fill(GOOD_PASSWORD)
    with page.expect_download() as download:
        page.get_by_role("button", name="Go on").click()
    with zipfile.ZipFile(download.value.path()) as files:
        assert peer.private_key.reveal() in files.read("laptop.conf").decode()
    page.get_by_role("link", name="Back", exact=True).click()
    page.wait_for_url(f"**{PEERS}")


def test_the_backup_of_the_field_key_is_confirmed_on_its_page(signed_in, tmp_path):
    page = signed_in
    page.goto("/admin/key-backup/")
    assert faults_in(page, tmp_path, "key-backup") == []
    page.get_by_role("button", name="It is backed up").click()
    page.get_by_label("Password").fill(GOOD_PASSWORD)
    page.get_by_role("button", name="Go on").click()
    page.get_by_text("A backup of this key is confirmed.").wait_for()
    assert faults_in(page, tmp_path, "key-backup-confirmed") == []


def test_the_page_of_a_join_token_shows_its_lines_once(signed_in, tmp_path):
    page = signed_in
    page.goto("/admin/nodes/jointoken/add/")
    assert faults_in(page, tmp_path, "join-add") == []
    page.get_by_label("Name").fill("fra-7")
    page.click("button[name=_save]")
    line = page.locator("#install-line").inner_text()
    assert faults_in(page, tmp_path, "join") == []
    page.goto(page.locator("#joining").get_attribute("hx-get").replace("/live/", "/change/"))
    assert faults_in(page, tmp_path, "join-later") == []
    assert line not in page.content()


def test_the_page_of_a_join_token_follows_the_node_until_it_is_online(signed_in, tmp_path):
    page = signed_in
    page.goto("/admin/nodes/jointoken/add/")
    for label, wrong in (("Max peers", "-1"), ("Only from", "10.0.0.1/8")):
        page.get_by_label(label).fill(wrong)
    page.get_by_role("button", name="Make the line").click()
    page.get_by_text("Enter a network like 198.51.100.0/24.").wait_for()
    page.get_by_label("Max peers").fill("77")
    page.get_by_label("Only from").fill("")
    page.get_by_role("button", name="Make the line").click()
    token = page.locator("#enrol-line").inner_text().split("--token ")[1].split()[0]
    page.get_by_text("Waiting for the node").wait_for()
    assert Joiner(token).ask().status_code == 200
    page.get_by_text("Joined", exact=True).wait_for()
    now = timezone.now()
    Node.objects.update(
        status=Status.ONLINE, status_reason="", reported_at=now, last_attempt_at=now
    )
    page.locator("#joining:not([hx-get]) li", has_text="Online (done)").wait_for()
    assert faults_in(page, tmp_path, "joined") == []
    assert Node.objects.get().max_peers == 77


def test_a_node_whose_key_is_lost_is_shown_with_its_secret_locked(signed_in, tmp_path, settings):
    page, node = signed_in, make_node(name="fra-1")
    settings.WGPANEL_FIELD_KEYS = ("bG9zdCBrZXkgbG9zdCBrZXkgbG9zdCBrZXkgbG9zdCE=",)
    page.goto(f"{NODES}{node.pk}/change/")
    page.get_by_role("alert").get_by_text("The secret of this node is locked.").wait_for()
    assert faults_in(page, tmp_path, "locked-secret") == []
    assert page.get_by_label("Name").input_value() == "fra-1"
