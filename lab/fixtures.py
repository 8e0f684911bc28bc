"""Fixtures and the one rule for tests that need a machine: `pytest_plugins = ["lab.fixtures"]`.

A test that cannot run is a failure in CI (`CI=true`) and a skip with its reason elsewhere.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import cache
from typing import TYPE_CHECKING

import pytest

from lab import capability, chromium, postgres
from lab.fleet import Fleet

if TYPE_CHECKING:
    from playwright.sync_api import Page

NEEDS: dict[str, Callable[[], str | None]] = {
    "lab": cache(capability.why_not),
    "browser": cache(chromium.why_not),
}


def require(reason_against: str | None) -> None:
    """Go on if there is none; else fail in CI, skip elsewhere."""
    if reason_against is None:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"cannot run here, and in CI every test has to: {reason_against}")
    pytest.skip(reason_against)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests marked `lab` or `browser` run only where they can."""
    for mark, why_not in NEEDS.items():
        if item.get_closest_marker(mark):
            require(why_not())


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Two nodes in two groups with their agents, one client each, handshakes done."""
    require(NEEDS["lab"]())
    directory = tmp_path_factory.mktemp("fleet")
    with Fleet(directory, groups=("Europe", "Asia"), clients=2) as fleet:
        fleet.wait_for_handshakes()
        yield fleet


@pytest.fixture(scope="session", name="postgres")
def postgres_url() -> Iterator[str]:
    """DATABASE_URL of a throw-away PostgreSQL."""
    require(postgres.why_not())
    with postgres.cluster() as url:
        yield url


@pytest.fixture
def browser_page() -> "Callable[[str], AbstractContextManager[Page]]":
    """`with browser_page(base_url) as page:` gives a page of a fresh Chromium."""
    require(NEEDS["browser"]())
    return chromium.page
