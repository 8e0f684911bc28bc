"""Checking an interface for drift, over a real socket."""

import time
from dataclasses import replace

import pytest
from wgpanel_agent.documents import PeerPart

from nodes.interfaces import Interface
from nodes.models import Node
from nodes.tests.agents import closed_port
from peers.models import Peer
from peers.tests.builders import make_key
from reconcile.checks import checking
from reconcile.models import Drift, DriftRecord
from reconcile.tests.builders import add_peers, change_settings, make_new_interface
from reconcile.tests.pushing import make_in_sync

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["tells differences", "tells all"])
def agent(agent, request):
    """One that compares by itself, and one of an earlier version."""
    agent.compares = request.param == "tells differences"
    return agent


def found(interface: Interface) -> list[tuple]:
    """The differences that a check stores, as kind, key and field."""
    row = checking.check(interface)
    return [(it["kind"], it["public_key"], it["field"]) for it in row.items]


def without(held, key: str) -> dict[str, PeerPart]:
    return {other: peer for other, peer in held.peers.items() if other != key}


def test_what_is_as_desired_is_in_sync(agent):
    row = checking.check(make_in_sync(agent))
    assert (row.state, row.items, row.reason) == ("in_sync", [], "")


def test_each_kind_of_difference_is_found(agent):
    interface = make_in_sync(agent)
    held, (a, b, _) = agent.held["wg0"], sorted(agent.held["wg0"].peers)
    stranger = PeerPart(make_key(), ("10.99.0.1/32",))
    held.running = without(held, a) | {b: replace(held.peers[b], keepalive=7)}
    held.running[stranger.public_key] = stranger
    assert set(found(interface)) == {
        ("missing", a, None),
        ("mismatched", b, "keepalive"),
        ("unknown", stranger.public_key, None),
    }


def test_a_preshared_key_is_compared_by_fingerprint_and_told_as_one(agent):
    interface = make_in_sync(agent, peers=1)
    held, secret = agent.held["wg0"], make_key()
    (key,) = held.peers
    held.running = {key: replace(held.peers[key], preshared_key=secret)}
    assert found(interface) == [("mismatched", key, "preshared_key")]
    assert secret not in str(Drift.objects.get().items)
    assert Peer.objects.get().preshared_key.reveal() not in str(Drift.objects.get().items)


def test_the_file_on_disk_is_compared_too(agent):
    interface = make_in_sync(agent, peers=1)
    held = agent.held["wg0"]
    held.on_disk = {}
    assert found(interface) == [("missing", *held.peers, "conf")]


def test_settings_of_the_interface_are_compared(agent):
    interface = make_in_sync(agent)
    agent.held["wg0"].told = {"listen_port": 1, "addresses": ["10.20.0.1/16"]}
    assert set(found(interface)) == {
        ("interface", None, "listen_port"),
        ("interface", None, "addresses"),
    }


def test_an_interface_that_is_down_is_one_difference(agent):
    interface = make_in_sync(agent)
    agent.held["wg0"].status = "down"
    assert found(interface) == [("interface", None, "status")]


def test_an_interface_that_is_gone_is_one_difference(agent):
    interface = make_in_sync(agent)
    agent.held.clear()
    assert found(interface) == [("interface", None, "status")]


def test_a_node_that_does_not_answer_is_unknown(agent):
    interface = make_in_sync(agent)
    Node.objects.update(agent_url=closed_port())
    row = checking.check(interface)
    assert (row.state, row.reason.startswith("Connection refused")) == ("unknown", True)


@pytest.mark.parametrize(
    "told", [{"addresses": "x"}, {"addresses": None}, {"addresses": ["10.0.0.1/99"]}]
)
def test_an_answer_that_makes_no_sense_is_unknown(agent, told):
    interface = make_in_sync(agent)
    agent.held["wg0"].told = told
    assert checking.check(interface).state == "unknown"


def test_an_answer_that_compares_with_another_state_is_unknown(agent):
    interface = make_in_sync(agent)
    agent.held["wg0"].told_besides = {"against": "something else", "missing": []}
    assert checking.check(interface).state == "unknown"


@pytest.mark.parametrize("missing", [7, None, [["a"]], {"a": 1}])
def test_nonsense_about_what_is_missing_drifts_from_nothing(agent, missing):
    interface = make_in_sync(agent)
    state = agent.held["wg0"].state.etag.strip('"')
    agent.held["wg0"].told_besides = {"against": state, "missing": missing}
    assert checking.check(interface).state in ("unknown", "in_sync")


def test_a_key_that_no_database_takes_is_a_stranger(agent):
    interface = make_in_sync(agent)
    held, key = agent.held["wg0"], "\x00" * 44
    held.running = held.peers | {key: PeerPart(key, ("10.99.0.1/32",))}
    held.told_besides = {"missing": [key]} if agent.compares else {}
    (item,) = checking.check(interface).items
    assert (item["kind"], "\x00" in item["public_key"]) == ("unknown", False)


@pytest.mark.parametrize("most", [1, 500])
def test_many_differences_are_found_like_few(agent, monkeypatch, most):
    monkeypatch.setattr("reconcile.documents.MOST_CHANGES", most)
    interface = make_in_sync(agent, peers=4)
    agent.held["wg0"].running, agent.held["wg0"].on_disk = {}, {}
    assert len(found(interface)) == 8


def test_a_check_of_what_is_in_sync_reads_no_peer(agent, django_assert_max_num_queries):
    interface = make_in_sync(agent)
    checking.check(interface)
    with django_assert_max_num_queries(11) as queries:
        checking.check(interface)
    is_read = any("preshared_key" in query["sql"] for query in queries.captured_queries)
    assert is_read is not agent.compares


def test_an_agent_of_an_earlier_version_is_unknown(agent, monkeypatch):
    interface = make_in_sync(agent)
    monkeypatch.setattr("reconcile.pushing.asking._path", lambda *_: "/v1/nothing")
    assert checking.check(interface).state == "unknown"


def test_rows_that_do_not_add_up_are_unknown(agent):
    interface = make_in_sync(agent)
    Interface.objects.update(desired_hash="f" * 64)
    assert checking.check(interface).state == "unknown"


def test_an_interface_that_was_never_pushed_is_unknown(agent):
    row = checking.check(make_new_interface(node=agent.node()))
    assert (row.state, row.reason) == ("unknown", checking.NOT_TOLD_YET)


def test_edits_on_their_way_are_no_drift(agent):
    interface = make_in_sync(agent)
    add_peers(interface, 2)
    change_settings(interface, listen_port=51999)
    assert checking.check(interface).state == "in_sync"


def test_an_edit_during_the_check_is_no_drift(agent, monkeypatch):
    interface = make_in_sync(agent)
    compare, waiting = checking.drift.compare, [lambda: add_peers(interface, 1)]

    def late(*sides):
        if waiting:
            waiting.pop()()
        return compare(*sides)

    monkeypatch.setattr(checking.drift, "compare", late)
    assert checking.check(interface).state == "in_sync"


def test_who_has_a_session_is_known(agent):
    interface = make_in_sync(agent)
    held, (a, b, c) = agent.held["wg0"], sorted(agent.held["wg0"].peers)
    held.handshakes = {a: int(time.time()) - 5, b: int(time.time()) - 5, c: 1}
    held.running = dict.fromkeys([a], replace(held.peers[a], keepalive=7)) | {
        b: held.peers[b],
        c: replace(held.peers[c], keepalive=7),
    }
    row = checking.check(interface)
    assert (row.count, row.live, row.live_count) == (2, [a], 2)


def test_what_is_ignored_is_not_told_again_until_it_changes(agent):
    interface = make_in_sync(agent, peers=1)
    held = agent.held["wg0"]
    (key,) = held.peers
    held.running = {key: replace(held.peers[key], keepalive=7)}
    item = checking.find(interface).items[0]
    checking.check(interface)
    Drift.objects.update(ignored=[item.identity])
    assert checking.check(interface).state == "in_sync"
    held.running = {key: replace(held.peers[key], keepalive=8)}
    row = checking.check(interface)
    assert (row.state, row.ignored) == ("drifted", [])


def test_history_has_each_finding_once(agent):
    interface = make_in_sync(agent, peers=1)
    held = agent.held["wg0"]
    for running in (None, None, {}, {}, None):
        held.running = running
        checking.check(interface)
    states = DriftRecord.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == ["in_sync", "drifted", "in_sync"]


def test_an_endless_list_is_cut_and_counted(agent, monkeypatch):
    monkeypatch.setattr(checking, "MOST_STORED", 2)
    interface = make_in_sync(agent, peers=5)
    agent.held["wg0"].running = {}
    row = checking.check(interface)
    assert (row.count, len(row.items)) == (5, 2)


def test_text_that_a_database_cannot_keep_is_kept_without_it(agent):
    interface = make_in_sync(agent)
    agent.held["wg0"].told = {"public_key": "a\x00b"}
    assert checking.check(interface).items[0]["observed"] == "a\ufffdb"
