"""Agents that run for one test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from nodes.tests.agents import Impostor, LiveAgent


@pytest.fixture
def live_agent(tmp_path: Path) -> Iterator[Callable[..., LiveAgent]]:
    """Return a maker of real agents, which end with the test."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(LiveAgent(tmp_path, **options))


@pytest.fixture
def impostor() -> Iterator[Callable[..., Impostor]]:
    """Return a maker of servers that are no agents, which end with the test."""
    with ExitStack() as stack:
        yield lambda behave: stack.enter_context(Impostor(behave))
