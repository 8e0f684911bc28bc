"""What nodes tell of their peers is kept, only where it differs, and never raises a generation."""

import datetime as dt
import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from nodes.calling import client
from nodes.calling.exchange import AgentError, Answer
from nodes.models import Interface, Node
from peers import facts
from peers.models import Peer
from peers.tests.builders import make_interface, make_key, make_peer

pytestmark = pytest.mark.django_db(transaction=True)
SEEN = 1767225600


def told(key: str, **fields) -> dict:
    row = {"endpoint": "198.51.100.7:4242", "last_handshake": SEEN, "rx_bytes": 1, "tx_bytes": 2}
    return {"public_key": key, "allowed_ips": [], "keepalive": None, **row, **fields}


def dump(*peers: dict, seq: int = 7) -> bytes:
    return json.dumps({"seq": seq, "complete": True, "peers": peers}).encode()


@pytest.fixture
def node(monkeypatch):
    """Return the answers that nodes give, by interface, and what they were asked."""
    answers, asked = {}, []

    def call(node, path, *, query, most_bytes):
        asked.append((path, query))
        body = answers[path.split("/")[3]]
        if isinstance(body, AgentError):
            raise body
        return Answer(200, body, None, 0, 0.0, 0.0)

    monkeypatch.setattr(client, "call", call)
    return answers, asked


def collect(*interfaces: Interface) -> int:
    return facts.collect([interface.pk for interface in interfaces])


def test_last_handshake_endpoint_and_traffic_are_kept(node):
    answers, _ = node
    peer = make_peer()
    answers["wg0"] = dump(told(peer.public_key))
    assert collect(peer.interface) == 1
    stored = Peer.objects.get()
    assert stored.last_handshake_at == dt.datetime.fromtimestamp(SEEN, dt.UTC)
    assert (stored.endpoint, stored.rx_bytes, stored.tx_bytes) == ("198.51.100.7:4242", 1, 2)
    assert Interface.objects.get().desired_generation == 1
    assert stored.history.count() == 1


def test_the_next_look_asks_for_what_changed_since(node):
    answers, asked = node
    peer = make_peer()
    answers["wg0"] = dump(told(peer.public_key), seq=7)
    assert [collect(peer.interface), collect(peer.interface)] == [1, 0]
    assert asked == [("/v1/wg/wg0/dump", "since=0"), ("/v1/wg/wg0/dump", "since=7")]
    assert Interface.objects.get().dumped_at is not None


def test_a_peer_that_never_connected_has_no_handshake_and_one_that_did_keeps_it(node):
    answers, _ = node
    peer = make_peer()
    answers["wg0"] = dump(told(peer.public_key, last_handshake=None, endpoint=None, rx_bytes=0))
    collect(peer.interface)
    assert (Peer.objects.get().last_handshake_at, Peer.objects.get().endpoint) == (None, "")
    Peer.objects.update(last_handshake_at=timezone.now())
    collect(peer.interface)
    assert Peer.objects.get().last_handshake_at is not None


def test_only_peers_that_differ_are_written_in_one_statement(node):
    answers, _ = node
    interface = make_interface()
    peers = [make_peer(interface=interface) for _ in range(12)]
    answers["wg0"] = dump(*(told(peer.public_key) for peer in peers))
    assert collect(interface) == 12
    answers["wg0"] = dump(
        *(told(peer.public_key, rx_bytes=9) for peer in peers[:4]), told(make_key())
    )
    with CaptureQueriesContext(connection) as queries:
        assert collect(interface) == 4
    assert len([query for query in queries if "UPDATE" in query["sql"]]) == 2


def test_a_node_that_does_not_answer_holds_up_no_other(node):
    answers, _ = node
    silent, other = make_peer(interface=make_interface(name="wg1")), make_peer()
    answers |= {"wg1": AgentError("timeout", "…"), "wg0": dump(told(other.public_key))}
    assert collect(silent.interface, other.interface) == 1
    assert Interface.objects.get(name="wg1").dump_seq == 0


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b'{"seq": 1}', b'{"seq": 1, "peers": [{}]}', b'{"seq": "x", "peers": []}',
        dump(told("k", rx_bytes=-1)), dump(told("k", rx_bytes=2**63)),
        dump(told("k", rx_bytes="1")),
        dump(told("k", endpoint="x" * 65)), dump(told("k", endpoint=["a"])),
        dump(told("k", last_handshake=2**62)), dump(told("k", last_handshake=True)),
        dump(told(["k"])), b"[" * 100_000,
    ],
)  # fmt: skip
def test_an_answer_that_is_no_dump_changes_nothing(node, body):
    answers, _ = node
    peer = make_peer()
    answers["wg0"] = body
    assert collect(peer.interface) == 0
    assert Interface.objects.get().dump_seq == 0


@pytest.mark.parametrize(
    ("of_node", "of_interface"),
    [
        ({"status": "offline"}, {}),
        ({"enabled": False}, {}),
        ({}, {"observed_generation": 0}),
        ({}, {"removed_at": timezone.now()}),
    ],
)
def test_only_nodes_that_can_answer_are_asked(node, of_node, of_interface):
    _, asked = node
    interface = make_peer().interface
    Node.objects.update(**of_node)
    Interface.objects.update(**(of_interface or {"name": "wg0"}))
    assert (collect(interface), asked) == (0, [])


def test_an_interface_without_peers_is_not_asked(node):
    _, asked = node
    interface = make_interface()
    make_peer(interface=interface, removed_at=timezone.now())
    assert (collect(interface), asked) == (0, [])
