"""A peer whose key the operator's browser makes: the private half never leaves it."""

import pytest
from django.conf import settings

from peers.configuration.client_conf import parse
from peers.models import Peer
from peers.tests.builders import make_interface

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def no_broker(monkeypatch):
    """The page's event loop is no reason not to ask the database."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    monkeypatch.setattr("peers.desired.current_app.send_task", lambda *_, **__: None)


@pytest.fixture
def page(live_server, browser_page, admin_client):
    """Signed in; `page.faults` are what its browser would note, `page.sent` what it sends."""
    session = admin_client.cookies[settings.SESSION_COOKIE_NAME].value
    cookie = {"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}
    with browser_page(live_server.url) as page:
        page.context.add_cookies([cookie])
        page.faults, page.sent = [], []
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.on("console", lambda m: page.faults.append(m.text) if "Policy" in m.text else None)
        page.on("request", lambda r: page.sent.append(f"{r.url} {r.post_data}"))
        yield page


def test_the_browser_makes_the_key_and_completes_the_file_by_itself(page, tmp_path):
    make_interface()
    page.goto("/admin/peers/peer/add/")
    page.fill("[name=name]", "laptop")
    page.check("input[name=keys][value=browser]")
    page.get_by_role("button", name="Create the peer").click()
    page.locator("[data-file-code]").wait_for()
    with page.expect_download() as download:
        page.locator("[data-file-link]").click()
    download.value.save_as(tmp_path / "file")
    private_key = parse((tmp_path / "file").read_text()).private_key
    assert private_key
    assert Peer.objects.get().private_key is None
    assert not any(private_key in sent for sent in page.sent)
    assert page.faults == []
