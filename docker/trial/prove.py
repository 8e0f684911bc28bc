"""Prove the stack of compose.yml: nodes join, are polled, and carry a tunnel made by REST.

Called by try.sh with the folder of the try; the images are there already. Raises ProofFailed.
"""

import json
import os
import re
import secrets
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import requests

HERE = Path(__file__).resolve().parent
PROJECT = "wgpanel-try"
NODES = {f"agent{number}": f"198.18.200.{10 + number}" for number in (1, 2, 3)}
FIRST = ("postgres", "valkey")
PANEL = ("web", "worker", "beat", "caddy")
REPLICAS = {"web": 2, "worker": 2}
T = TypeVar("T")
SHOWN = ("status", "status_reason", "condition", "condition_reason", "sync_error")
PATIENCE = 150.0  # seconds, with 2 cores that others use as well


class ProofFailed(Exception):
    """What was not as it should be, in a sentence."""


def say(text: str) -> None:
    sys.stderr.write(f"prove: {text}\n")


def run(*words: str, stdin: str = "") -> str:
    """Return what it printed; raises ProofFailed with its complaint."""
    done = subprocess.run(
        words, input=stdin, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    if done.returncode:
        raise ProofFailed(f"{' '.join(words)[:200]}: {(done.stderr or done.stdout)[-2000:]}")
    return done.stdout


def compose(*words: str) -> str:
    files = ("-f", str(HERE.parent / "compose.yml"), "-f", str(HERE / "compose.override.yml"))
    program = str(Path(sys.executable).with_name("podman-compose"))
    return run(program, "-p", PROJECT, *files, *words)


def containers(service: str) -> list[str]:
    """The names of its running containers, as many as there should be."""
    label = f"label=com.docker.compose.service={service}"
    names = run("podman", "ps", "--format", "{{.Names}}", "--filter", label).split()
    if len(names) != REPLICAS.get(service, 1):
        raise ProofFailed(f"{service} runs {len(names)} times")
    return names


def until(what: str, ask: Callable[[], T | None], seconds: float = PATIENCE) -> T:
    """Return the first answer; what fails meanwhile is told when time is up."""
    deadline, problem = time.monotonic() + seconds, "no"
    while time.monotonic() < deadline:
        try:
            if (answer := ask()) is not None:
                return answer
        except (ProofFailed, requests.RequestException) as error:
            problem = str(error)
        time.sleep(0.5)
    raise ProofFailed(f"{what}: not within {seconds:g} s: {problem}")


def wait_until_healthy(service: str) -> None:
    """By the service's own health check, which podman runs only where systemd wakes it."""

    def healthy() -> bool:
        for name in containers(service):
            run("podman", "healthcheck", "run", name)
        return True

    until(f"{service} is healthy", healthy)
    say(f"{service} is healthy")


def write_agents(folder: Path) -> dict[str, dict[str, str]]:
    """What an operator puts on each node: its id and a secret of its own."""
    made = {}
    for name, address in NODES.items():
        identity = {"id": str(uuid.uuid4()), "secret": secrets.token_hex(32)}
        etc = folder / name / "etc"
        etc.mkdir(parents=True, mode=0o700)
        (etc / "secret").touch(mode=0o600)
        (etc / "secret").write_text(identity["secret"])
        (folder / name / "env").write_text(
            f"WGPANEL_AGENT_NODE_ID={identity['id']}\n"
            f"WGPANEL_AGENT_LISTEN={address}:8080\n"
            "WGPANEL_AGENT_ALLOW_PLAIN_HTTP=true\n"
        )
        made[name] = {**identity, "name": name, "agent_url": f"http://{address}:8080"}
    return made


class Rest:
    """The REST API by way of Caddy, whose certificate is checked."""

    def __init__(self, folder: Path, port: str) -> None:
        root = folder / "caddy-root.crt"
        path = "/data/caddy/pki/authorities/local/root.crt"
        root.write_text(
            until("Caddy's root", lambda: run("podman", "exec", *containers("caddy"), "cat", path))
        )
        self._url = f"https://localhost:{port}/api/v1/"
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = str(root)
        self._session.headers["Authorization"] = f"Token {self._token()}"

    @staticmethod
    def _token() -> str:
        manage = ("podman", "exec", containers("web")[0], "python", "manage.py")
        run(*manage, "ensure_admin")
        return run(*manage, "create_api_token", "admin").split()[-1]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._session.request(method, f"{self._url}{path}", json=body, timeout=30)
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


def bring_up(folder: Path) -> Rest:
    compose("up", "-d", *FIRST)
    for service in FIRST:
        wait_until_healthy(service)
    compose("run", "-T", "--rm", "--no-deps", "migrate")
    say("migrated")
    compose("up", "-d", "--no-deps", *PANEL, *NODES, "client")
    for service in (*PANEL, *NODES):
        wait_until_healthy(service)
    return Rest(folder, os.environ["WGPANEL_HTTPS_PORT"])


def join_nodes(rest: Rest, identities: dict[str, dict[str, str]]) -> None:
    for identity in identities.values():
        rest.call("POST", "nodes/", {**identity, "allow_plain_http": True})
    for name, identity in identities.items():
        rest.wait(f"nodes/{identity['id']}/", lambda node: node["status"] == "online")
        say(f"{name} is online")


def make_tunnel(rest: Rest, node_id: str) -> str:
    """Let the panel make an interface and a peer; return the client's configuration."""
    body = {
        "node": node_id,
        "name": "wg0",
        "pool_v4": "10.77.0.0/24",
        "client_allowed_ips": "10.77.0.0/24",
    }
    path = f"interfaces/{rest.call('POST', 'interfaces/', body)['id']}/"
    rest.wait(path, _is_in_sync)  # its public key is part of a client's configuration
    peer = rest.call("POST", "peers/", {"name": "laptop", "node": node_id, "keys": "panel"})
    rest.wait(path, _is_in_sync)
    say("the node has the interface and the peer")
    return str(peer["config"])


def _is_in_sync(interface: dict[str, Any]) -> bool:
    return (
        interface["condition"] == "in_sync"
        and interface["observed_generation"] == interface["desired_generation"]
    )


def ping_through(config: str) -> None:
    """Install the delivered file as it is in the client's container, and ping the node's end."""
    [client] = containers("client")
    write = "umask 077; cat >/etc/wireguard/wg0.conf && wg-quick up wg0"
    run("podman", "exec", "-i", client, "sh", "-c", write, stdin=config)
    pid = run("podman", "inspect", "--format", "{{.State.Pid}}", client).strip()
    target = "10.77.0.1"
    told = run("nsenter", "-t", pid, "-n", "ping", "-n", "-c", "5", "-i", "0.2", "-W", "5", target)
    found = re.search(r"(\d+) received", told)
    if not found or int(found[1]) < 4:
        raise ProofFailed(f"the tunnel loses packets: {told}")
    say(f"ping through the tunnel: {found[1]} of 5 answered")


def prove(folder: Path) -> None:
    identities = write_agents(folder)
    rest = bring_up(folder)
    join_nodes(rest, identities)
    ping_through(make_tunnel(rest, identities["agent1"]["id"]))


if __name__ == "__main__":
    try:
        prove(Path(sys.argv[1]))
    except ProofFailed as error:
        sys.exit(f"prove: FAILED: {error}")
