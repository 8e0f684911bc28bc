"""What breaks while peers come and go: nodes, workers, the broker, the panel, the database."""

import contextlib
import datetime as dt
import shutil
import time

import psutil
import pytest
import redis

from lab import by_panel
from lab.errors import LabError
from lab.manage import manage
from wgpanel import embedded

pytestmark = pytest.mark.lab
CREATED, KEPT = 250, 50
DELIVERED_SECONDS = 15.0
REHANDSHAKE_SECONDS = 30  # a client notices after 15 s that nobody answers to its session
DIES_BEFORE_THE_HINT = """
import os
from nodes.models import Interface
from peers import desired
from peers.creation.creating import Where, create
desired.current_app.send_task = lambda *arguments, **options: os._exit(9)
create(None, Where(interface=Interface.objects.get(pk={interface!r})), name="orphan")
"""
DATABASE = ("wgpanel.sqlite3", "wgpanel.sqlite3-wal", "wgpanel.sqlite3-shm")


@pytest.fixture(autouse=True)
def sound(panel, managed):
    """After each test every invariant of the fleet holds."""
    yield
    manage(panel.state_dir, "fleet_fsck", "--wait", "30")


def make_peer(rest, node, name, **fields):
    body = {"name": name, "node": node.name, "keys": "panel", **fields}
    return rest.call("POST", "peers/", body, 201)


def to_all(rest, action, ids):
    told = rest.call("POST", "peers/bulk/", {"action": action, "ids": ids})
    assert told["changed"] == len(ids)


def start_again(panel, rest, node):
    """Start the panel and wait until it has heard of the node again."""
    began = dt.datetime.now(dt.UTC)
    panel.start()
    panel.wait_until_ready()
    rest.wait(node, 60, lambda told: dt.datetime.fromisoformat(told["reported_at"]) > began)


def process(panel, words):
    """The panel's process of this name, as soon as its supervisor has it running."""
    for _ in range(200):
        for child in psutil.Process(panel.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if words in " ".join(child.cmdline()):
                    return child
        time.sleep(0.1)
    raise AssertionError(f"no process {words}")


def broker(panel):
    return redis.Redis(unix_socket_path=str(embedded.socket_path(panel.state_dir)))


def test_a_node_that_was_away_catches_up_with_a_thousand_edits(rest, managed):
    node = managed.nodes[1]
    before = node.peers()
    node.agent.kill()
    peers = [make_peer(rest, node, f"away-{number}") for number in range(CREATED)]
    ids = [peer["id"] for peer in peers]
    to_all(rest, "disable", ids)
    to_all(rest, "enable", ids)
    to_all(rest, "delete", ids[KEPT:])
    for peer_id in ids[:KEPT]:
        rest.call("PATCH", f"peers/{peer_id}/", {"keepalive": 20})
    assert node.peers() == before
    node.agent.start()
    by_panel.in_sync(rest, by_panel.interface_of(rest, node)["id"])
    assert node.peers() == before | {peer["public_key"] for peer in peers[:KEPT]}
    to_all(rest, "delete", ids[:KEPT])


def test_whenever_the_worker_that_pushes_is_killed_everything_arrives(rest, panel, managed):
    node = managed.nodes[0]
    made = []
    for number in range(5):
        made.append(make_peer(rest, node, f"killed-{number}")["public_key"])
        process(panel, "worker-sync").kill()
    by_panel.in_sync(rest, by_panel.interface_of(rest, node)["id"], DELIVERED_SECONDS)
    assert set(made) <= node.peers()


def test_a_broker_that_is_killed_or_forgets_everything_loses_nothing(rest, panel, managed):
    node = managed.nodes[0]
    process(panel, "valkey-server").kill()
    first = make_peer(rest, node, "without-broker")
    by_panel.in_sync(rest, first["interface"], DELIVERED_SECONDS)
    second = make_peer(rest, node, "flushed")
    broker(panel).flushall()
    by_panel.in_sync(rest, second["interface"], DELIVERED_SECONDS)
    assert {first["public_key"], second["public_key"]} <= node.peers()


def test_a_process_that_dies_between_commit_and_hint_leaves_nothing_behind(rest, panel, managed):
    node = managed.nodes[0]
    interface, before = by_panel.interface_of(rest, node)["id"], node.peers()
    code = DIES_BEFORE_THE_HINT.format(interface=interface)
    with pytest.raises(LabError):
        manage(panel.state_dir, "shell", "-c", code)
    by_panel.in_sync(rest, interface, DELIVERED_SECONDS)
    (orphan,) = rest.call("GET", "peers/?search=orphan")["results"]
    assert node.peers() == before | {orphan["public_key"]}


def test_a_node_that_reboots_without_the_panel_lets_in_whom_it_should(rest, panel, managed):
    client = managed.clients[0]
    node = client.node
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=8)
    guest = make_peer(rest, node, "guest", expires_at=soon.isoformat())
    by_panel.connect(rest, client)
    interface = by_panel.in_sync(rest, guest["interface"])
    assert guest["public_key"] in node.peers()
    panel.stop()
    time.sleep(max(0.0, (soon - dt.datetime.now(dt.UTC)).total_seconds()))
    node.reboot()
    assert client.pings(node.plan.addresses(1)[0], REHANDSHAKE_SECONDS, 1) > 0
    assert guest["public_key"] not in node.peers()
    start_again(panel, rest, node)
    after = by_panel.in_sync(rest, guest["interface"])
    assert after["desired_generation"] - interface["desired_generation"] <= 1  # the guest's end


def test_a_panel_with_an_old_database_harms_no_node_and_may_take_the_nodes_state(
    rest, panel, managed, tmp_path
):
    node = managed.nodes[0]
    panel.stop()
    move(panel.state_dir, tmp_path)
    start_again(panel, rest, node)
    newer = make_peer(rest, node, "newer-than-the-copy")
    by_panel.in_sync(rest, newer["interface"])
    panel.stop()
    move(tmp_path, panel.state_dir)
    start_again(panel, rest, node)
    path = f"interfaces/{newer['interface']}/"
    rest.wait_for(path, 60, lambda told: told["condition"] == "conflict")
    assert newer["public_key"] in node.peers()
    seen = rest.call("GET", f"{path}conflict/")["seen"]
    rest.call("POST", f"{path}conflict/", {"choose": "node", "seen": seen}, status=202)
    by_panel.in_sync(rest, newer["interface"])
    assert newer["public_key"] in node.peers()


def move(source, target):
    """Copy the database of a stopped panel, and nothing of what was there before."""
    for name in DATABASE:
        (target / name).unlink(missing_ok=True)
        if (source / name).exists():
            shutil.copy2(source / name, target / name)
