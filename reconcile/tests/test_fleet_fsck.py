"""`manage.py fleet_fsck`: each broken promise is found and named."""

import datetime as dt
import json
import uuid
from collections.abc import Callable

import pytest
from django.core.management import call_command
from django.utils import timezone
from wgpanel_agent.documents import PeerPart

from nodes.interfaces import Interface
from nodes.models import Node
from nodes.tests.agents import closed_port
from peers.models import Address, IdempotencyKey, Peer, ShareLink
from peers.tests.builders import make_key
from reconcile.fsck import nodes as fsck_nodes
from reconcile.tests.builders import add_peers, fresh, remove
from reconcile.tests.pushing import make_in_sync, push

pytestmark = pytest.mark.django_db


@pytest.fixture
def fsck(capsys) -> Callable[..., tuple[int, list[str]]]:
    """Run it; returns the exit status and the invariants that are broken."""

    def run(*options: str) -> tuple[int, list[str]]:
        status = 0
        try:
            call_command("fleet_fsck", "--json", "--wait", "0", *options)
        except SystemExit as end:
            status = end.code
        found = json.loads(capsys.readouterr().out)["violations"]
        return status, sorted({it["invariant"] for it in found})

    return run


@pytest.fixture
def interface(agent) -> Interface:
    """In sync, and its node knows how many peers it has."""
    made = make_in_sync(agent, peers=3)
    Node.objects.update(assigned_peers=3)
    return made


def test_a_fleet_where_all_is_well(interface, fsck):
    assert fsck() == (0, [])


def test_for_people_it_says_what_was_checked(interface, capsys):
    call_command("fleet_fsck", "--wait", "0")
    said = capsys.readouterr().out
    assert said == "fsck: 1 interfaces and 3 peers checked: 0 violations, 0 unknown\n"


def test_each_violation_is_a_line_with_its_object(interface, capsys):
    Node.objects.update(assigned_peers=2)
    with pytest.raises(SystemExit):
        call_command("fleet_fsck", "--rows-only")
    line = capsys.readouterr().out.splitlines()[0]
    node = Node.objects.get().name
    assert line == f"I3 {node}: 2 places are taken, 3 peers are there."


def break_row(**fields) -> Callable[[Interface], None]:
    return lambda interface: Interface.objects.update(**fields)


def lose_a_row(interface: Interface) -> None:
    Peer.objects.first().delete()
    Node.objects.update(assigned_peers=2)


def swap_an_address(interface: Interface) -> None:
    Address.objects.filter(family=4).first().delete()


def miscount(interface: Interface) -> None:
    Node.objects.update(assigned_peers=2)


def leave_a_tombstone(interface: Interface) -> None:
    peer = Peer.objects.first()
    remove(interface, peer)
    row = fresh(interface)
    Node.objects.update(assigned_peers=2)
    Interface.objects.update(
        observed_generation=row.desired_generation, observed_hash=row.desired_hash
    )


def forget_a_peer(interface: Interface) -> None:
    peer = Peer.objects.first()
    Peer.objects.filter(pk=peer.pk).update(present=False)


def keep_a_disabled_peer(interface: Interface) -> None:
    Peer.objects.filter(pk=Peer.objects.first().pk).update(enabled=False)


def one_request_twice(interface: Interface) -> None:
    for key in ("a", "b"):
        IdempotencyKey.objects.create(key=key, request_digest="", peer_id=Peer.objects.first().pk)


def spend_a_link(interface: Interface) -> None:
    later = timezone.now() + dt.timedelta(days=1)
    fields = {"token_hash": "h", "lookup": "l", "uses_left": 0, "expires_at": later}
    ShareLink.objects.create(peer=Peer.objects.first(), **fields)


@pytest.mark.parametrize(
    ("break_it", "invariant"),
    [
        (break_row(desired_hash="f" * 64), "I1"),
        (lose_a_row, "I1"),
        (forget_a_peer, "I1"),
        (swap_an_address, "I2"),
        (miscount, "I3"),
        (leave_a_tombstone, "I4"),
        (keep_a_disabled_peer, "I4"),
        (break_row(observed_generation=99), "I5"),
        (break_row(observed_hash="f" * 64), "I5"),
        (one_request_twice, "I11"),
        (spend_a_link, "I11"),
    ],
)
def test_rows_that_break_a_promise_are_found(interface, fsck, break_it, invariant):
    break_it(interface)
    status, found = fsck("--rows-only")
    assert status == 1
    assert invariant in found


def test_an_address_on_two_interfaces_is_found(start_agent, fsck):
    for agent in (start_agent(), start_agent()):
        make_in_sync(agent, peers=1)
    Node.objects.update(assigned_peers=1)
    assert fsck() == (1, ["I2"])


def without_a_peer(held) -> None:
    held.running = dict(list(held.peers.items())[1:])


def with_a_ghost(held) -> None:
    ghost = PeerPart(make_key(), ("10.99.0.1/32",))
    held.running = held.peers | {ghost.public_key: ghost}


def with_another_key(held) -> None:
    held.told = {"public_key": make_key()}


def with_an_old_file(held) -> None:
    held.on_disk = {}


def of_an_older_generation(held) -> None:
    held.state = type(held.state)(held.state.epoch, 1, held.state.hash)


def of_another_panel(held) -> None:
    held.state = type(held.state)(str(uuid.uuid4()), 2, held.state.hash)


def without_a_state(held) -> None:
    held.state = None


@pytest.mark.parametrize(
    ("break_it", "invariant"),
    [
        (without_a_peer, "I1"),
        (with_a_ghost, "I4"),
        (with_another_key, "I6"),
        (with_an_old_file, "I8"),
        (of_an_older_generation, "I5"),
        (of_another_panel, "I5"),
        (without_a_state, "I5"),
    ],
)
def test_nodes_that_break_a_promise_are_found(interface, agent, fsck, break_it, invariant):
    break_it(agent.held["wg0"])
    status, found = fsck()
    assert (status, found) == (1, [invariant])


def test_a_session_that_begins_anew_is_found(interface, agent, fsck, monkeypatch):
    held, find = agent.held["wg0"], fsck_nodes.checking.find
    held.received = 100

    def reset(*arguments):
        held.received = 5
        return find(*arguments)

    monkeypatch.setattr(fsck_nodes.checking, "find", reset)
    assert fsck() == (1, ["I7"])


def test_a_node_that_can_be_reached_must_be_told_in_time(interface, fsck):
    add_peers(interface, 1)
    Node.objects.update(assigned_peers=4)
    assert fsck() == (1, ["I12"])


def test_changes_on_their_way_are_waited_for(interface, agent, monkeypatch):
    add_peers(interface, 1)
    slept: list[float] = []

    def deliver(seconds: float) -> None:
        slept.append(seconds)
        push(interface)

    monkeypatch.setattr(fsck_nodes.time, "sleep", deliver)
    fsck_nodes.wait_until_delivered(30)
    assert len(slept) == 1


def test_a_conflict_waits_for_an_operator(interface, fsck):
    Interface.objects.update(condition="conflict")
    assert fsck() == (1, ["I12"])


def test_a_node_that_does_not_answer_is_unknown_and_no_violation(interface, fsck):
    Node.objects.update(agent_url=closed_port())
    assert fsck() == (2, [])


def test_without_nodes_only_rows_are_checked(interface, fsck):
    Node.objects.update(agent_url=closed_port())
    assert fsck("--rows-only") == (0, [])
