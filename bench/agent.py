"""The agent over its real server, beside what `wg` alone costs on the same interface."""

import http.client
import json
import secrets
import sys
import tempfile
import threading
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from wgpanel_agent import protocol

from bench.figure import report
from bench.wg_floor import median_ms
from lab.agent import PORT, Agent
from lab.fleet import Fleet
from lab.node import Node
from lab.panel import ROOT

SIZES = (100, 1_000, 10_000)
ROUNDS = 200
ADDED, ADDED_BY_FLOOR = "10.99.0.1/32", "10.98.0.1/32"
SETTINGS = {
    "WGPANEL_AGENT_INTERFACES": "wg0",
    "WGPANEL_AGENT_REQUESTS_PER_SECOND": "1000000",
    "WGPANEL_AGENT_HEALTH_PER_SECOND": "1000000",
    "WGPANEL_AGENT_METRICS_PER_SECOND": "1000000",
}


@dataclass
class Caller:
    """One keep-alive connection to the agent, as the panel has."""

    node: Node

    def __post_init__(self) -> None:
        identity = self.node.identity
        self.keys = protocol.derive_keys(identity.node_id, 1, identity.secret.encode())
        self.connection = http.client.HTTPConnection(self.node.agent.address, PORT, timeout=30)

    def get(self, path: str) -> bytes:
        return self._send("GET", path, {}, b"")

    def signed(
        self, method: str, path: str, body: bytes = b"", if_match: str | None = None
    ) -> bytes:
        authority = f"{self.node.agent.address}:{PORT}"
        signed = protocol.sign_request(
            self.keys,
            method=method,
            authority=authority,
            path=path,
            body=body,
            now=time.time(),
            if_match=if_match,
        )
        return self._send(method, path, signed.headers, body)

    def _send(self, method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
        self.connection.request(method, path, body or None, headers)
        answer = self.connection.getresponse()
        told = answer.read()
        if answer.status not in (200, 201):
            raise RuntimeError(f"{method} {path}: {answer.status} {told[:300]!r}")
        return told


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Fleet(Path(folder), agents=False) as fleet:
        for size in SIZES:
            _fill(fleet.nodes[0], size)
            _measure(fleet.nodes[0], size)


def _fill(node: Node, size: int) -> None:
    """Bring the interface to `size` peers; each with a key and an address of its own."""
    present = len(node.run("wg", "show", "wg0", "peers").split())
    parts = [
        f"[Peer]\nPublicKey = {_key()}\nAllowedIPs = 10.64.{i // 256}.{i % 256}\n"
        for i in range(present, size)
    ]
    node.run("wg", "addconf", "wg0", "/dev/stdin", stdin="".join(parts))


def _key() -> str:
    return b64encode(secrets.token_bytes(32)).decode()


def _measure(node: Node, size: int) -> None:
    alone = floor(node)
    with running_agent(node) as caller:
        _read_figures(caller, size, alone["dump"])
        _write_figures(caller, size, alone["add_and_dump"])
        _health_under_scrape(caller, size, alone["dump"])
        rss = psutil.Process(node.agent.pid).memory_info().rss / 1e6
        report("agent.rss", {"peers": size}, rss, "MB", reference="goal", beside=45)
        _idle_cpu(node, size)
    with running_agent(node, WGPANEL_AGENT_PEER_METRICS="full") as caller:
        value = median_ms(lambda: caller.get("/v1/metrics"), ROUNDS)
        _report("agent.metrics_per_peer", size, value, "wg show all dump", alone["dump"])


def floor(node: Node, rounds: int = 21) -> dict[str, float]:
    """What `wg` alone costs here, in ms."""
    words = (
        sys.executable,
        str(ROOT / "bench" / "wg_floor.py"),
        "wg0",
        str(rounds),
        _key(),
        ADDED_BY_FLOOR,
    )
    return json.loads(node.run(*words))


@contextmanager
def running_agent(node: Node, **settings: str) -> Iterator[Caller]:
    agent = Agent(node.host, node.identity, {**SETTINGS, **settings})
    node.agent = agent
    agent.write_secret()
    agent.start()
    try:
        agent.wait_until_healthy()
        time.sleep(6)  # one look of the sampler
        yield Caller(node)
    finally:
        agent.stop()


def _read_figures(caller: Caller, size: int, dump: float) -> None:
    acts: dict[str, Callable[[], bytes]] = {
        "health": lambda: caller.get("/health"),
        "status": lambda: caller.signed("GET", "/v1/status"),
        "metrics": lambda: caller.get("/v1/metrics"),
    }
    for name, act in acts.items():
        _report(f"agent.{name}", size, median_ms(act, ROUNDS), "wg show all dump", dump)
    value = median_ms(lambda: caller.signed("GET", "/v1/wg/wg0/dump"), 21)
    _report("agent.dump", size, value, "wg show all dump", dump)


def _write_figures(caller: Caller, size: int, floor: float) -> None:
    def add() -> float:
        key = secrets.token_bytes(32)
        path = f"/v1/wg/wg0/peers/{urlsafe_b64encode(key).decode().rstrip('=')}"
        body = json.dumps({"allowed_ips": [ADDED]}).encode()
        value = median_ms(lambda: caller.signed("PUT", path, body), 1)
        caller.signed("DELETE", path)
        return value

    values = sorted(add() for _ in range(21))
    _report("agent.add_peer", size, values[10], "wg addconf + wg show wg0 dump", floor)


def _health_under_scrape(caller: Caller, size: int, dump: float) -> None:
    done = threading.Event()

    def scrape() -> None:
        scraper = Caller(caller.node)
        while not done.is_set():
            scraper.get("/v1/metrics")

    thread = threading.Thread(target=scrape)
    thread.start()
    value = median_ms(lambda: caller.get("/health"), ROUNDS)
    done.set()
    thread.join()
    _report("agent.health_under_scrape", size, value, "wg show all dump", dump)


def _idle_cpu(node: Node, size: int) -> None:
    process = psutil.Process(node.agent.pid)
    before = sum(process.cpu_times())
    time.sleep(20)
    percent = (sum(process.cpu_times()) - before) / 20 * 100
    report("agent.idle_cpu", {"peers": size}, percent, "% of a core", reference="goal", beside=1)


def _report(name: str, size: int, value: float, reference: str, beside: float) -> None:
    report(name, {"peers": size}, value, "ms", reference=reference, beside=beside)


if __name__ == "__main__":
    main()
