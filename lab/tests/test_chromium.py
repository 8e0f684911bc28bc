import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import chromium
from lab.chromium import page


class Greeting(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(f"<title>{self.path}</title>".encode())

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def site() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Greeting) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.browser
def test_a_page_opens_addresses_below_its_base(site: str) -> None:
    with page(site) as browser_page:
        browser_page.goto("/admin/")
        assert browser_page.title() == "/admin/"


@pytest.mark.browser
def test_a_screenshot_has_the_size_of_a_desk_screen(site: str, tmp_path: Path) -> None:
    with page(site) as browser_page:
        browser_page.goto("/")
        shot = browser_page.screenshot()

    assert shot[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(shot[16:20]) == chromium.WIDTH


def test_a_machine_without_chromium_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chromium, "EXECUTABLE", Path("/nowhere"))

    assert chromium.why_not() == "Chromium is missing: apt-get install chromium"
