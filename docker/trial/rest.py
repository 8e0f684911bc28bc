"""The panel from outside: by way of Caddy, whose certificate is checked."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from docker.trial.stack import ProofFailed, containers, run, until

SHOWN = ("status", "status_reason", "condition", "condition_reason", "sync_error")


class Panel:
    """Asked by its public name, at the port that Caddy has on this host."""

    def __init__(self) -> None:
        self._url = f"https://localhost:{os.environ['WGPANEL_HTTPS_PORT']}/"
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = str(Path(os.environ["WGPANEL_CERTIFICATES"]) / "panel.crt")
        self._session.headers["Host"] = os.environ["WGPANEL_DOMAIN"]

    def log_in(self) -> None:
        manage("ensure_admin")
        self._session.headers["Authorization"] = f"Token {new_token('trial')}"

    def fetch(self, path: str) -> bytes:
        answer = self._session.get(f"{self._url}{path}", timeout=30)
        if not answer.ok:
            raise ProofFailed(f"GET /{path}: {answer.status_code}")
        return answer.content

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._session.request(method, f"{self._url}api/v1/{path}", json=body, timeout=30)
        if not answer.ok:
            raise ProofFailed(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer.json()

    def wait(self, path: str, is_so: Callable[[Any], bool]) -> Any:
        def ask() -> Any:
            told = self.call("GET", path)
            if is_so(told):
                return told
            shown = {key: told[key] for key in SHOWN if key in told}
            raise ProofFailed(json.dumps(shown))

        return until(path, ask)


def manage(*words: str) -> str:
    return run("podman", "exec", containers("web")[0], "python", "manage.py", *words)


def new_token(name: str) -> str:
    """Of the first user, for the API."""
    return manage("create_api_token", "admin", "--name", name).split()[-1]
