"""The panel's pushes against real agents and real WireGuard."""

import time
import uuid
from collections.abc import Iterator

import pytest
from django.core.management import call_command

from lab.fleet import Fleet
from lab.node import Node as LabNode
from nodes.interfaces import Interface
from nodes.models import Node
from nodes.tests.builders import make_online_node
from peers.models import Peer
from peers.tests.builders import make_key
from reconcile.checks import checking
from reconcile.checks.drift import Item
from reconcile.decisions import applying, conflicts
from reconcile.decisions.plans import Act, Flags
from reconcile.pushing import asking
from reconcile.pushing import push as pushing
from reconcile.pushing.asking import Deadline
from reconcile.tests.builders import add_peers, change_settings, edit, fresh, make_new_interface
from reconcile.tests.builders import remove as remove_peers
from reconcile.tests.pushing import push

pytestmark = [pytest.mark.lab, pytest.mark.django_db]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabNode]:
    """A server with an agent and nothing else."""
    with Fleet(tmp_path_factory.mktemp("fleet"), by_hand=False) as fleet:
        yield fleet.nodes[0]


@pytest.fixture
def node(server: LabNode) -> Iterator[Node]:
    """Its row; afterwards whatever it was told is gone."""
    identity = server.identity
    row = make_online_node(id=identity.node_id, secret=identity.secret, agent_url=server.agent.url)
    yield row
    for interface in Interface.objects.filter(node=row):
        take_down(interface)


def take_down(interface: Interface) -> None:
    Peer.objects.filter(interface=interface).delete()
    row = fresh(interface)
    row.removed_at, row.sync_not_before = row.created_at, None
    row.condition, row.desired_generation = "pending", row.desired_generation + 1
    row.save()
    pushing.push(row.pk, "a worker")
    assert not Interface.objects.filter(pk=interface.pk).exists()


def running(server: LabNode) -> dict[str, list[str]]:
    """The peers of wg0 by key: preshared key, endpoint, allowed IPs, …, keepalive."""
    lines = server.run("wg", "show", "wg0", "dump").splitlines()[1:]
    return {line.split("\t")[0]: line.split("\t")[1:] for line in lines}


def test_a_new_interface_and_its_peers_run_on_the_node(server, node):
    interface = push(make_new_interface(3, node=node))
    assert interface.condition == "in_sync"
    assert {*running(server)} == {peer.public_key for peer in Peer.objects.all()}
    assert interface.public_key == server.run("wg", "show", "wg0", "public-key").strip()


def test_a_delta_touches_its_peers_only(server, node):
    interface = push(make_new_interface(2, node=node))
    before = running(server)
    (peer,) = add_peers(interface, 1, keepalive=25)
    assert push(interface).condition == "in_sync"
    after = running(server)
    assert {key: after[key] for key in before} == before
    assert after[peer.public_key][-1] == "25"


def test_a_preshared_key_and_a_keepalive_can_be_cleared(server, node):
    interface = make_new_interface(1, node=node)
    (peer,) = add_peers(interface, 1, keepalive=25)
    push(interface)
    peer.preshared_key, peer.keepalive = None, None
    edit(interface, peer, fields=["preshared_key", "keepalive"])
    assert push(interface).condition == "in_sync"
    found = running(server)[peer.public_key]
    assert (found[0], found[-1]) == ("(none)", "off")


def test_removed_peers_are_gone(server, node):
    interface = push(make_new_interface(3, node=node))
    gone = Peer.objects.first()
    remove_peers(interface, gone)
    assert push(interface).condition == "in_sync"
    assert gone.public_key not in running(server)
    assert Peer.objects.count() == 2


def test_removing_nearly_all_is_confirmed(server, node):
    interface = push(make_new_interface(40, node=node))
    remove_peers(interface, *Peer.objects.all()[:39])
    assert push(interface).condition == "in_sync"
    assert len(running(server)) == 1


def test_the_last_peer_takes_neither_key_nor_port_with_it(server, node):
    interface = push(make_new_interface(1, node=node))
    remove_peers(interface, Peer.objects.get())
    push(interface)
    assert running(server) == {}
    assert server.run("wg", "show", "wg0", "public-key").strip() == interface.public_key
    assert server.run("wg", "show", "wg0", "listen-port").strip() == str(interface.listen_port)


def test_settings_change_without_a_new_key(server, node):
    interface = push(make_new_interface(2, node=node))
    change_settings(interface, listen_port=51999)
    after = push(interface)
    assert (after.condition, after.public_key) == ("in_sync", interface.public_key)
    assert server.run("wg", "show", "wg0", "listen-port").strip() == "51999"


def test_a_database_from_a_backup_is_a_conflict(server, node):
    interface = push(make_new_interface(2, node=node))
    backup = {"desired_generation": 2, "desired_hash": interface.desired_hash}
    add_peers(interface, 1)
    push(interface)
    add_peers(interface, 1)
    push(interface)
    Peer.objects.filter(generation__gt=2).delete()
    Interface.objects.update(**backup, observed_generation=1)
    assert push(interface).condition == "conflict"
    assert len(running(server)) == 4
    Interface.objects.update(observed_generation=4, desired_generation=4)


def test_more_changes_than_a_delta_carries_travel_whole(server, node):
    interface = push(make_new_interface(2, node=node))
    add_peers(interface, 501)
    assert push(interface).condition == "in_sync"
    assert len(running(server)) == 503


def test_what_was_pushed_does_not_drift(server, node):
    interface = make_new_interface(3, node=node)
    (peer,) = add_peers(interface, 1, keepalive=25)
    interface = push(interface)
    row = checking.check(interface)
    assert (row.state, row.items, row.reason) == ("in_sync", [], "")


def with_its_file(interface: Interface) -> Interface:
    """Wait until the file on the node has followed."""
    deadline = time.monotonic() + 15
    while asking.ask(interface, "/conf")["generation"] != interface.desired_generation:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return interface


@pytest.mark.parametrize("below", ["/dump", "/conf"])
def test_who_names_what_is_desired_is_told_of_differences_only(server, node, below):
    interface = with_its_file(push(make_new_interface(3, node=node, policy="observe")))
    generation, hash_ = interface.desired_generation, interface.desired_hash
    named = f"{interface.epoch}:{generation}:{hash_}"
    told = asking.ask(interface, below, query=f"against={named}")
    assert (told["against"], told["missing"], told["peers"]) == (named, [], [])
    another = f"{interface.epoch}:{generation + 1}:{hash_}"
    told = asking.ask(interface, below, query=f"against={another}")
    assert ("against" in told, len(told["peers"])) == (False, 3)


def test_what_somebody_changes_in_the_file_is_drift(server, node):
    interface = with_its_file(push(make_new_interface(3, node=node, policy="observe")))
    assert checking.check(interface).state == "in_sync"
    file = server.host.wireguard_folder / "wg0.conf"
    key = min(running(server))
    file.write_text(file.read_text().replace(key, make_key()))
    found = [(it["kind"], it["public_key"], it["field"]) for it in checking.check(interface).items]
    assert ("missing", key, "conf") in found
    assert len(found) == 2


def test_what_somebody_changes_by_hand_is_drift(server, node):
    interface = make_new_interface(3, node=node, policy="observe")
    interface = push(interface)
    a, b = sorted(running(server))[:2]
    server.run("wg", "set", "wg0", "peer", a, "remove")
    server.run("wg", "set", "wg0", "peer", b, "preshared-key", "/dev/null")
    found = [(it["kind"], it["public_key"], it["field"]) for it in checking.check(interface).items]
    assert set(found) == {("missing", a, None), ("mismatched", b, "preshared_key")}


def test_an_interface_that_is_down_is_drift(server, node):
    interface = push(make_new_interface(3, node=node, policy="observe"))
    server.run("ip", "link", "set", "wg0", "down")
    items = checking.check(interface).items
    assert [(it["kind"], it["field"]) for it in items] == [("interface", "status")]


def stranger(server: LabNode) -> str:
    """Somebody adds a peer by hand; returns its key."""
    key = make_key()
    server.run("wg", "set", "wg0", "peer", key, "allowed-ips", "10.20.0.99/32")
    return key


def test_reverting_what_was_done_by_hand(server, node):
    interface = push(make_new_interface(3, node=node, policy="observe"))
    gone, unknown = min(running(server)), stranger(server)
    server.run("wg", "set", "wg0", "peer", gone, "remove")
    checking.check(interface)
    flags = Flags(remove_unknown=True)
    applying.apply(None, interface, flags, applying.preview(interface, flags).hash)
    assert push(interface).condition == "in_sync"
    assert unknown not in running(server)
    assert gone in running(server)
    assert checking.check(interface).state == "in_sync"


def test_reverting_some_leaves_others_alone(server, node):
    interface = push(make_new_interface(3, node=node, policy="observe"))
    gone, unknown = min(running(server)), stranger(server)
    server.run("wg", "set", "wg0", "peer", gone, "remove")
    checking.check(interface)
    applying.apply(None, interface, Flags(), applying.preview(interface, Flags()).hash)
    push(interface)
    assert {unknown, gone} <= {*running(server)}


def test_adopting_what_was_done_by_hand(server, node):
    interface = push(make_new_interface(3, node=node, policy="observe"))
    unknown = stranger(server)
    row = checking.check(interface)
    choices = {Item.parse(told).identity: Act.ADOPT for told in row.items}
    applying.apply(None, interface, choices, applying.preview(interface, choices).hash)
    assert push(interface).condition == "in_sync"
    assert Peer.objects.filter(public_key=unknown, present=True).exists()
    assert checking.check(interface).state == "in_sync"


def test_bringing_an_interface_up_again(server, node):
    interface = push(make_new_interface(2, node=node))
    asking.tell(interface, "POST", "/down", deadline=Deadline.in_seconds(30))
    assert checking.check(interface).state == "drifted"
    applying.apply(None, interface, Flags(), applying.preview(interface, Flags()).hash)
    push(interface)
    assert checking.check(interface).state == "in_sync"


def test_taking_over_a_node_that_another_panel_told(server, node):
    interface = push(make_new_interface(30, node=node))
    Interface.objects.update(epoch=uuid.uuid4(), observed_generation=0, observed_hash="")
    remove_peers(interface, *Peer.objects.all()[:20])
    assert push(interface).condition == "conflict"
    standing = conflicts.inspect(interface)
    assert len(standing.removals) == 20
    conflicts.keep_panels(None, interface, standing.hash)
    assert push(interface).condition == "in_sync"
    assert len(running(server)) == 10


def test_the_fleet_keeps_its_promises(server, node, capsys):
    interface = push(make_new_interface(30, node=node))
    remove_peers(interface, *Peer.objects.all()[:3])
    add_peers(interface, 2)
    push(interface)
    Node.objects.update(assigned_peers=29)
    call_command("fleet_fsck")
    assert capsys.readouterr().out.endswith("0 violations, 0 unknown\n")
