"""Debian's Chromium, driven by Playwright's synchronous API."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

EXECUTABLE = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox",  # it refuses to run as root with one
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDTH, HEIGHT = 1440, 900


def why_not() -> str | None:
    """What is missing for a browser, as a sentence; None if nothing is."""
    if not EXECUTABLE.exists():
        return "Chromium is missing: apt-get install chromium"
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "Playwright is missing: pip install -r requirements-dev.txt"
    return None


@contextmanager
def page(base_url: str) -> "Iterator[Page]":
    """An empty page of a fresh browser; `page.goto("/admin/")` is relative to `base_url`.

    Playwright keeps an event loop running in this thread, so Django's ORM refuses to work in it
    until the page is closed.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(EXECUTABLE), headless=True, args=list(FLAGS)
        )
        try:
            yield browser.new_page(base_url=base_url, viewport={"width": WIDTH, "height": HEIGHT})
        finally:
            browser.close()
