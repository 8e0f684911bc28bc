"""kill -9 of the agent at random moments of an apply: the next start finds one whole generation,
brings the interface to it, and the file on disk is always some generation that was committed."""

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from wgpanel_agent.documents import (
    Delta,
    InterfacePart,
    PeerPart,
    State,
    WholeDocument,
    if_match,
    state_hash,
)
from wgpanel_agent.files.serverconf import parse
from wgpanel_agent.protocol import derive_keys, sign_request

SECRET = "kX2v7Qm4Zt9Lw1Rb6Ny3Hc8Jd5Gf0PsAAgent"
KEYS = derive_keys("node-1", 1, SECRET.encode())
AUTHORITY = "127.0.0.1:8080"
EPOCH = "3f0c8a52-6f0e-4f0a-9f57-0a4d3b7f1c11"
PART = InterfacePart(51820, ("10.9.0.1/16",))
PEERS = 5_000
ROUNDS = 200 if os.environ.get("SOAK") else 30
LONGEST_WAIT = 10.0  # seconds; 5 are promised, and the machine may be busy
APPLY = (0.0, 0.5)  # seconds after the document was sent in which it is applied,
WRITE = (1.9, 2.6)  # and in which the file is written


def signed(method: str, path: str, body: bytes = b"", tag: str | None = None) -> dict[str, str]:
    request = sign_request(
        KEYS,
        method=method,
        authority=AUTHORITY,
        path=path,
        body=body,
        now=time.time(),
        if_match=tag,
    )
    return request.headers


def ask(path: str) -> Any:
    connection = http.client.HTTPConnection(AUTHORITY, timeout=20)
    connection.request("GET", path, headers=signed("GET", path))
    return json.loads(connection.getresponse().read())


def post(sock: socket.socket, path: str, document: Any, tag: str) -> None:
    """Send it, and wait for nothing."""
    body = json.dumps(document.as_json()).encode()
    headers = signed("POST", path, body, tag) | {"content-length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    sock.sendall(f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body)


def was_answered(sock: socket.socket) -> bool:
    """Before its other end died."""
    try:
        return sock.recv(12).startswith(b"HTTP/1.1 200")
    except ConnectionResetError:
        return False


@dataclass
class Node:
    """The agent's process, and every generation that it was ever sent."""

    box: Any
    folder: Path
    dice: random.Random
    sent: dict[State, dict[str, PeerPart]] = field(default_factory=dict)
    state: State | None = None
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(2, 65_000)))
    process: Any = None

    @property
    def peers(self) -> dict[str, PeerPart]:
        return self.sent[self.state] if self.state else {}

    def start(self) -> float:
        """Seconds until it says that the interface is as desired."""
        environment = {
            "PATH": os.environ["PATH"],
            "WGPANEL_AGENT_NODE_ID": "node-1",
            "WGPANEL_AGENT_SECRET": SECRET,
            "WGPANEL_AGENT_INTERFACES": "wg0",
            "WGPANEL_AGENT_STATE_DIR": str(self.folder / "state"),
        }
        words = self.box.inside(sys.executable, "-m", "wgpanel_agent", "run")
        began_at = time.monotonic()
        with (self.folder / "log").open("ab") as log:
            self.process = self.box.start(
                "agent", *words, env=environment, stdout=log, stderr=subprocess.STDOUT
            )
        while not self._is_settled():
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < began_at + LONGEST_WAIT, (self.folder / "log").read_text()
            time.sleep(0.02)
        return time.monotonic() - began_at

    def _is_settled(self) -> bool:
        try:
            return ask("/v1/wg/wg0")["condition"] in ("in_sync", None)
        except OSError:
            return False

    def make_peer(self) -> PeerPart:
        number = next(self.numbers)
        key = b64encode(self.dice.randbytes(32)).decode()
        return PeerPart(key, (f"10.9.{number >> 8}.{number & 255}/32",))

    def some_of(self, peers: dict[str, PeerPart]) -> list[str]:
        return self.dice.sample(sorted(peers), min(len(peers), self.dice.randrange(400)))

    def edited(self) -> dict[str, PeerPart]:
        """Some peers go, some change, some come."""
        peers = dict(self.peers)
        for key in self.some_of(peers):
            del peers[key]
        for key in self.some_of(peers):
            old = peers[key]
            peers[key] = PeerPart(key, old.allowed_ips, keepalive=self.dice.randrange(1, 99))
        coming = [self.make_peer() for _ in range(PEERS - len(peers))]
        return peers | {peer.public_key: peer for peer in coming}

    def send(self, sock: socket.socket, peers: dict[str, PeerPart]) -> State:
        """A whole document, or as a delta what of it a delta can hold."""
        generation = max((state.generation for state in self.sent), default=0) + 1
        upsert = [peer for key, peer in peers.items() if self.peers.get(key) != peer][:500]
        remove = tuple(self.peers.keys() - peers.keys())
        if self.state and self.dice.random() < 0.4:
            gone = {key: it for key, it in self.peers.items() if key not in remove}
            peers = gone | {peer.public_key: peer for peer in upsert}
            state = State(EPOCH, generation, state_hash(PART, peers.values()))
            base = self.state.generation
            delta = Delta(EPOCH, base, generation, state.hash, tuple(upsert), remove)
            post(sock, "/v1/wg/wg0/peers", delta, self.state.etag)
        else:
            state = State(EPOCH, generation, state_hash(PART, peers.values()))
            document = WholeDocument(state, PART, tuple(peers.values()))
            post(sock, "/v1/wg/wg0/syncconf", document, if_match(self.state))
        self.sent[state] = peers
        return state

    def kill(self) -> None:
        os.kill(self.process_id(), signal.SIGKILL)
        self.process.wait()

    def process_id(self) -> int:
        """nsenter and setpriv have become the agent by now."""
        return int(self.process.pid)

    def check_file(self) -> None:
        """Whatever the moment: nothing yet, or one generation with exactly its peers."""
        file = self.box.configs / "wg0.conf"
        if not file.exists():
            return
        conf = parse(file.read_text())
        assert conf.state in self.sent
        assert {peer.public_key: peer for peer in conf.peers} == self.sent[conf.state]

    def check_interface(self) -> None:
        """What the journal has is a generation that was sent, and what runs is exactly that."""
        told = ask("/v1/wg/wg0")
        self.state = State.parse(told)
        assert told["condition"] == "in_sync"
        running = self.box.peers()
        assert running.keys() == self.peers.keys()
        for key, peer in self.peers.items():
            assert running[key][2] == peer.allowed_ips[0]
            assert running[key][6] == str(peer.keepalive or "off")


@pytest.fixture
def node(box: Any, tmp_path: Path) -> Node:
    seed = int(os.environ.get("SEED", time.time_ns() % 2**32))
    print(f"seed {seed}: SEED={seed} repeats it")  # noqa: T201
    return Node(box, tmp_path, random.Random(seed))


def test_kill_9_at_any_moment_of_an_apply(node: Node) -> None:
    node.start()
    with socket.create_connection(("127.0.0.1", 8080), timeout=60) as sock:
        node.send(sock, node.edited())
        assert sock.recv(12) == b"HTTP/1.1 201"
    settings, waits, arrived, answered = node.box.settings(), [], 0, 0
    for _ in range(ROUNDS):
        node.check_interface()
        with socket.create_connection(("127.0.0.1", 8080), timeout=60) as sock:
            aimed = node.send(sock, node.edited())
            time.sleep(node.dice.uniform(*(WRITE if node.dice.random() < 0.2 else APPLY)))
            node.kill()
            was_done = was_answered(sock)
        node.check_file()
        waits.append(node.start())
        node.check_interface()
        assert node.state == aimed or not was_done
        arrived, answered = arrived + (node.state == aimed), answered + was_done
    told = f"{arrived} of {ROUNDS} arrived, {answered} were answered; healed in {max(waits):.1f} s"
    print(told)  # noqa: T201
    assert node.box.settings() == settings
    node.process.terminate()
    node.process.wait()
    assert parse((node.box.configs / "wg0.conf").read_text()).state == node.state
