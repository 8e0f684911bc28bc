"""Agents that run for one test, and a broker that nobody needs."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from peers import desired
from reconcile.tests.contract_agent import ContractAgent


@pytest.fixture
def start_agent(tmp_path: Path) -> Iterator[Callable[[], ContractAgent]]:
    """Return a maker of agents, which end with the test."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(ContractAgent(tmp_path))


@pytest.fixture
def agent(start_agent: Callable[[], ContractAgent]) -> ContractAgent:
    return start_agent()


@pytest.fixture(autouse=True)
def hints(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the ids of the interfaces that workers were told of; nothing reaches a broker."""
    sent: list[str] = []

    def send_task(name: str, args: list[str], **options: object) -> None:
        sent.extend(args)

    monkeypatch.setattr(desired.current_app, "send_task", send_task)
    return sent
