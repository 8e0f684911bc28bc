"""A small REST client of the panel, as a script of an operator would be."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from lab.errors import LabError
from lab.manage import manage
from lab.node import Node as LabNode

SHOWN_WHEN_LATE = (
    "name", "status", "status_reason", "failures", "condition", "condition_reason", "sync_error",
    "desired_generation", "observed_generation", "state", "call_problem",
)  # fmt: skip


class Rest:
    """Calls with a token of the user admin."""

    def __init__(self, url: str, state_dir: Path) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Token {_create_token(state_dir)}"

    def call(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """Return the decoded answer; raises LabError when its status is another."""
        answer = self._session.request(method, f"{self._url}/api/v1/{path}", json=body, timeout=30)
        if answer.status_code != status:
            raise LabError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer.json() if answer.content else None

    def enlist(self, lab_node: LabNode, **fields: Any) -> dict[str, Any]:
        """Add one lab node by hand: its address and the secret that its agent has."""
        identity = lab_node.identity
        agent = lab_node.agent
        body = {"id": identity.node_id, "name": lab_node.name, "agent_url": agent.url}
        body["tls_pin"] = agent.pin
        return self.call("POST", "nodes/", {**body, "secret": identity.secret, **fields}, 201)

    def node(self, lab_node: LabNode) -> dict[str, Any]:
        return self.call("GET", f"nodes/{lab_node.identity.node_id}/")

    def wait(
        self, lab_node: LabNode, seconds: float, until: Callable[[dict[str, Any]], bool]
    ) -> dict[str, Any]:
        """Return the node as soon as it fulfils `until`; raises LabError with how it was."""
        return self.wait_for(f"nodes/{lab_node.identity.node_id}/", seconds, until)

    def wait_for(
        self, path: str, seconds: float, until: Callable[[dict[str, Any]], bool]
    ) -> dict[str, Any]:
        """Return what is at `path` as soon as it fulfils `until`; raises LabError."""
        deadline = time.monotonic() + seconds
        while not until(told := self.call("GET", path)):
            if time.monotonic() > deadline:
                shown = {key: told[key] for key in SHOWN_WHEN_LATE if key in told}
                raise LabError(f"not within {seconds:g} s: {shown}")
            time.sleep(0.3)
        return told


def _create_token(state_dir: Path) -> str:
    return manage(state_dir, "create_api_token", "admin").split()[-1]
