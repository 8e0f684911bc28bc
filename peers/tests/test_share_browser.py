"""The page of a link in a real browser, as a person with a telephone meets it."""

import re
from base64 import b64decode, b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from peers.configuration.client_conf import parse
from peers.models import Peer
from peers.sharing import links as share_links
from peers.tests.builders import make_key, make_peer
from peers.tests.codes import decode, modules_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
TELEPHONE = {"width": 390, "height": 844}
BUTTON = "Show my configuration"
# the modules of the code in a canvas, one pixel each
MODULES = """canvas => {
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  const dark = (x, y) => data[4 * (y * width + x)] < 128;
  const row = y => Array.from({ length: width }, (_, x) => dark(x, y));
  return Array.from({ length: height }, (_, y) => row(y));
}"""


@pytest.fixture(autouse=True)
def no_broker(monkeypatch):
    """The page's event loop is no reason not to ask the database."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    monkeypatch.setattr("peers.desired.current_app.send_task", lambda *_, **__: None)


@pytest.fixture
def page(live_server, browser_page):
    """A telephone; `page.faults` are what its browser would note, `page.sent` what it sends."""
    with browser_page(live_server.url) as page:
        page.set_viewport_size(TELEPHONE)
        page.faults, page.sent = [], []
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.on("console", lambda m: page.faults.append(m.text) if "Policy" in m.text else None)
        page.on("request", lambda r: page.sent.append(f"{r.url} {r.headers} {r.post_data}"))
        yield page


def make_link(peer=None, **fields):
    return share_links.create(peer or make_peer(private_key=make_key()), None, **fields)


def saved(page, path):
    """Return the name and the text of the file that the page saves."""
    with page.expect_download() as download:
        page.locator("#download").click()
    download.value.save_as(path)
    return download.value.suggested_filename, path.read_text()


def test_a_person_gets_file_code_and_hints_and_the_secret_is_in_no_address(page, tmp_path):
    peer = make_peer(name="Zoë", private_key=make_key())
    new = make_link(peer)
    page.goto(new.path)
    page.get_by_role("button", name=BUTTON).click()
    page.get_by_role("heading", name="Your configuration").wait_for()
    name, text = saved(page, tmp_path / "file")
    assert name == "Zoe.conf"
    assert parse(text).private_key == peer.private_key.reveal()
    svg = page.locator("#code svg").evaluate("svg => svg.outerHTML")
    assert decode(modules_of(svg)) == text.encode()
    assert page.locator("#hints details[open]").count() == 1
    addresses = [request.partition(" ")[0] for request in page.sent]
    assert addresses
    assert not any(new.secret in address.partition("#")[0] for address in addresses)
    assert page.faults == []


def test_a_key_that_the_browser_makes_stays_in_it(page, tmp_path):
    new = make_link(make_peer(name="phone"))
    page.goto(new.path)
    page.get_by_role("button", name=BUTTON).click()
    page.locator("#code canvas").wait_for()
    name, text = saved(page, tmp_path / "file")
    private_key = parse(text).private_key
    public = X25519PrivateKey.from_private_bytes(b64decode(private_key)).public_key()
    public_key = b64encode(public.public_bytes_raw()).decode()
    assert name == "phone.conf"
    assert Peer.objects.existing().get().public_key == public_key
    assert decode(page.locator("#code canvas").evaluate(MODULES)) == text.encode()
    assert not page.locator("#by-hand").count()
    assert not any(private_key in request for request in page.sent)
    assert page.faults == []


def test_a_device_that_has_its_key_keeps_it(page, tmp_path):
    peer = make_peer()
    page.goto(make_link(peer).path)
    page.get_by_text("This device already has its key").click()
    page.locator("[name=keeps_key]").check()
    page.get_by_role("button", name=BUTTON).click()
    page.locator("#by-hand").wait_for()
    assert parse(saved(page, tmp_path / "file")[1]).is_complete is False
    assert Peer.objects.get().public_key == peer.public_key


def test_a_browser_without_x25519_is_told_which_ones_have_it(page):
    new = make_link(make_peer())
    page.add_init_script("crypto.subtle.generateKey = () => Promise.reject(new Error('no'))")
    page.goto(new.path)
    page.get_by_role("button", name=BUTTON).click()
    page.get_by_text(re.compile("This browser cannot make X25519 keys")).wait_for()
    assert page.get_by_role("button", name=BUTTON).is_enabled()


def test_a_pin_is_asked_for_in_place(page):
    page.goto(make_link(pin="4711").path)
    page.get_by_role("button", name=BUTTON).click()
    page.fill("#pin", "0000")
    page.get_by_role("button", name=BUTTON).click()
    page.get_by_text("4 tries are left").wait_for()
    page.fill("#pin", "4711")
    page.get_by_role("button", name=BUTTON).click()
    page.get_by_role("heading", name="Your configuration").wait_for()
    assert page.faults == []


def test_a_used_link_says_so(page):
    new = make_link()
    share_links.take(share_links.Ask(new.link.lookup, new.secret))
    page.goto(new.path)
    page.get_by_role("button", name=BUTTON).click()
    page.get_by_role("heading", name="This link cannot be used").wait_for()
    assert "PrivateKey" not in page.content()


def test_a_panel_that_is_away_is_told_and_the_button_works_again(page):
    page.goto(make_link().path)
    page.route("**/share/**", lambda route: route.abort())
    page.get_by_role("button", name=BUTTON).click()
    page.get_by_text("The panel does not answer.").wait_for()
    page.unroute("**/share/**")
    page.get_by_role("button", name=BUTTON).click()
    page.get_by_role("heading", name="Your configuration").wait_for()
    assert not page.get_by_text("The panel does not answer.").is_visible()


def test_no_page_is_wider_than_a_telephone_in_light_and_dark(page, tmp_path):
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        new = make_link(make_peer(name="W" * 64, private_key=make_key()), pin="4711")
        page.goto(new.path)
        widths = [page.evaluate("document.documentElement.scrollWidth")]
        page.screenshot(path=tmp_path / f"offer-{theme}.png")
        page.get_by_role("button", name=BUTTON).click()
        page.fill("#pin", "4711")
        page.screenshot(path=tmp_path / f"pin-{theme}.png")
        page.get_by_role("button", name=BUTTON).click()
        page.get_by_text("Show the text").click()
        widths.append(page.evaluate("document.documentElement.scrollWidth"))
        page.screenshot(path=tmp_path / f"taken-{theme}.png", full_page=True)
        assert max(widths) <= TELEPHONE["width"]
    assert page.faults == []
