"""Desired state, beside what `wg` alone needs for the same on the same interface."""

import json
import secrets
import tempfile
import time
from base64 import b64encode
from pathlib import Path
from uuid import uuid4

import psutil
from wgpanel_agent.documents import (
    Delta,
    InterfacePart,
    PeerPart,
    State,
    WholeDocument,
    hash_sum,
    if_match,
    state_hash,
)

from bench.agent import Caller, floor, running_agent
from bench.figure import report
from bench.wg_floor import median_ms
from lab.fleet import Fleet
from lab.node import Node

SIZES = (1_000, 20_000)
DELTAS = 21
EDITED = 600  # more than a delta takes
GOAL_MS = 3_000
SYNC = "/v1/wg/wg0/syncconf"
ADDRESS = "10.64.0.1/10"


NOTHING = State("", 0, "")


class Sender:
    """The panel's side of one interface: what it wants, and what the node has."""

    def __init__(self, caller: Caller, port: int, peers: list[PeerPart]) -> None:
        self._caller = caller
        self._part = InterfacePart(port, (ADDRESS,))
        self._peers = peers
        self._epoch = str(uuid4())
        self._state = NOTHING

    def whole(self) -> float:
        """Send everything; milliseconds until it was read back."""
        generation = self._state.generation + 1
        state = State(self._epoch, generation, state_hash(self._part, self._peers))
        document = WholeDocument(state, self._part, tuple(self._peers))
        return self._send("PUT", SYNC, document, state)

    def edit(self) -> None:
        """Other preshared keys for some."""
        for position, peer in enumerate(self._peers[:EDITED]):
            self._peers[position] = PeerPart(peer.public_key, peer.allowed_ips, _key())

    def delta(self) -> float:
        """Add one peer; milliseconds until it was read back."""
        peer, base = _peer(len(self._peers)), self._state
        self._peers.append(peer)
        after = hash_sum(base.hash, [peer.digest()])
        delta = Delta(self._epoch, base.generation, base.generation + 1, after, (peer,))
        return self._send("POST", "/v1/wg/wg0/peers", delta, delta.state)

    def _send(self, method: str, path: str, document: WholeDocument | Delta, to: State) -> float:
        body, tag = (
            json.dumps(document.as_json()).encode(),
            if_match(self._state if self._state.generation else None),
        )
        begun = time.perf_counter()
        self._caller.signed(method, path, body, tag)
        self._state = to
        return (time.perf_counter() - begun) * 1000


def main() -> None:
    groups = ["bench"] * len(SIZES)
    with (
        tempfile.TemporaryDirectory() as folder,
        Fleet(Path(folder), groups=groups, agents=False) as fleet,
    ):
        for node, size in zip(fleet.nodes, SIZES, strict=True):
            _measure(node, size)


def _measure(node: Node, size: int) -> None:
    peers = [_peer(number) for number in range(size)]
    settings = _settings(node)
    cold, warm = (_syncconf(node, settings, peers) for _ in range(2))
    alone = floor(node, rounds=7)["add_and_dump"]
    _syncconf(node, settings, [])
    with running_agent(node) as caller:
        sender = Sender(caller, int(node.run("wg", "show", "wg0", "listen-port")), peers)
        first = sender.whole()
        _report("whole_first", size, first, "wg syncconf + wg show wg0 dump", cold)
        _report("whole_first", size, first, "goal", GOAL_MS)
        sender.edit()
        _report("whole_600_edited", size, sender.whole(), "wg syncconf + wg show wg0 dump", warm)
        rss = psutil.Process(node.agent.pid).memory_info().rss / 1e6
        report("desired.rss", {"peers": size}, rss, "MB", reference="MemoryMax", beside=256)
        deltas = sorted(sender.delta() for _ in range(DELTAS))
        _report("delta_of_one", size, deltas[DELTAS // 2], "wg addconf + wg show wg0 dump", alone)


def _settings(node: Node) -> str:
    """What `wg syncconf` must be told besides the peers."""
    private = node.run("wg", "show", "wg0", "private-key").strip()
    port = node.run("wg", "show", "wg0", "listen-port").strip()
    return f"[Interface]\nPrivateKey = {private}\nListenPort = {port}\n"


def _syncconf(node: Node, settings: str, peers: list[PeerPart]) -> float:
    text = settings + "".join(
        f"[Peer]\nPublicKey = {peer.public_key}\nAllowedIPs = {peer.allowed_ips[0]}\n"
        for peer in peers
    )

    def act() -> None:
        node.run("wg", "syncconf", "wg0", "/dev/stdin", stdin=text)
        node.run("wg", "show", "wg0", "dump")

    return median_ms(act, 1)


def _peer(number: int) -> PeerPart:
    host = number + 2
    return PeerPart(_key(), (f"10.{64 + (host >> 16)}.{host >> 8 & 255}.{host & 255}/32",))


def _key() -> str:
    return b64encode(secrets.token_bytes(32)).decode()


def _report(name: str, size: int, value: float, reference: str, beside: float) -> None:
    report(f"desired.{name}", {"peers": size}, value, "ms", reference=reference, beside=beside)


if __name__ == "__main__":
    main()
