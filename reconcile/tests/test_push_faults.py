"""What goes wrong on the way to a node, and what that must never do to it."""

import uuid

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone
from wgpanel_agent.http import HttpError

from nodes.interfaces import Interface
from nodes.models import Node
from nodes.tests.agents import closed_port
from peers.models import Peer
from reconcile import documents
from reconcile.pushing import leases
from reconcile.pushing import push as pushing
from reconcile.tests.builders import (
    add_peers,
    change_settings,
    edit,
    fresh,
    make_new_interface,
    remove,
)
from reconcile.tests.pushing import make_in_sync, push, push_now

pytestmark = pytest.mark.django_db


def test_a_thousand_edits_of_a_node_that_is_away_are_one_document(agent):
    interface = make_in_sync(agent, peers=0)
    Node.objects.update(agent_url=closed_port())
    for _ in range(10):
        add_peers(interface, 100)
    assert push(interface).condition == "pending"
    Node.objects.update(agent_url=agent.url)
    assert push_now(interface).condition == "in_sync"
    assert agent.writes == ["PUT /v1/wg/wg0", "PUT /v1/wg/wg0"]
    assert len(agent.held["wg0"].peers) == 1000


def test_each_failure_waits_longer_and_says_why(agent):
    interface = make_new_interface(node=agent.node(agent_url=closed_port()))
    interface = push_now(push(interface))
    assert interface.sync_attempts == 2
    assert interface.sync_not_before is not None
    assert interface.sync_error.startswith("Connection refused")


def test_success_forgets_failures(agent):
    interface = make_new_interface(node=agent.node())
    Interface.objects.update(sync_attempts=5, sync_error="no")
    interface = push(interface)
    assert (interface.sync_attempts, interface.sync_error) == (0, "")


def test_another_epoch_is_a_conflict_and_nothing_is_pushed(agent):
    interface = make_in_sync(agent)
    before = agent.held["wg0"]
    Interface.objects.update(epoch=uuid.uuid4(), observed_generation=0, observed_hash="")
    interface = push(interface)
    add_peers(interface, 1)
    assert push_now(interface).condition == "conflict"
    assert (agent.held["wg0"], len(agent.heard)) == (before, 2)


def test_a_database_from_a_backup_is_a_conflict_and_removes_nobody(agent):
    interface = make_in_sync(agent, peers=5)
    backup = {"desired_generation": 2, "observed_generation": 1, "desired_hash": "0" * 64}
    add_peers(interface, 40)
    push(interface)
    Peer.objects.filter(generation=3).delete()
    Interface.objects.update(**backup)
    interface = push(interface)
    assert (interface.condition, len(agent.held["wg0"].peers)) == ("conflict", 45)


def test_the_conflict_says_that_the_database_is_older(agent):
    interface = make_in_sync(agent)
    add_peers(interface, 1)
    push(interface)
    held = agent.held["wg0"].state
    agent.held["wg0"].state = type(held)(held.epoch, 99, held.hash)
    add_peers(interface, 1)
    assert "older than the node" in push(interface).condition_reason


def test_rows_that_vanish_are_not_pushed_as_removals(agent, monkeypatch):
    interface = make_in_sync(agent, peers=20)
    change_settings(interface, listen_port=51999)
    monkeypatch.setattr(documents.Peer.objects, "in_document", Peer.objects.none)
    interface = push(interface)
    assert (interface.condition, len(agent.held["wg0"].peers)) == ("unknown", 20)
    assert interface.condition_reason.startswith("Not rendered, so nothing was sent.")


def test_rows_that_break_off_are_not_pushed(agent, monkeypatch):
    interface = make_in_sync(agent, peers=20)
    change_settings(interface, listen_port=51999)
    some = Peer.objects.order_by("pk").values("pk")[:15]
    rows = Peer.objects.filter(pk__in=list(some.values_list("pk", flat=True)))
    monkeypatch.setattr(documents.Peer.objects, "in_document", lambda: rows)
    assert push(interface).condition == "unknown"
    assert len(agent.heard) == 1


def test_a_database_error_pushes_nothing_and_heals_by_itself(agent):
    interface = make_in_sync(agent, peers=20)
    change_settings(interface, listen_port=51999)

    def fail_on_peers(execute, sql, *rest):
        if 'FROM "peers_peer"' in sql:
            raise DatabaseError("the disk is gone")
        return execute(sql, *rest)

    with connection.execute_wrapper(fail_on_peers):
        interface = push(interface)
    assert interface.condition_reason == "The database failed: the disk is gone"
    assert push_now(interface).condition == "in_sync"
    assert len(agent.held["wg0"].peers) == 20


def test_a_peer_that_is_not_what_its_digest_says_is_not_pushed(agent):
    interface = make_in_sync(agent)
    add_peers(interface, 1)
    Peer.objects.filter(generation=3).update(keepalive=99)
    assert push(interface).condition == "unknown"
    assert len(agent.heard) == 1


def test_a_preshared_key_that_does_not_open_pushes_nothing(agent, settings):
    interface = make_in_sync(agent)
    add_peers(interface, 1)
    Peer.objects.filter(generation=3).update(public_key="x" * 44)
    assert push(interface).condition == "unknown"
    assert len(agent.heard) == 1


def test_many_removals_that_the_rows_account_for_are_confirmed(agent):
    interface = make_in_sync(agent, peers=30)
    remove(interface, *Peer.objects.all()[:25])
    assert push(interface).condition == "in_sync"
    assert agent.heard[-1][1]["confirm_removals"] == 25
    assert len(agent.held["wg0"].peers) == 5


def test_the_last_peer_may_go(agent):
    interface = make_in_sync(agent, peers=1)
    remove(interface, Peer.objects.get())
    assert push(interface).condition == "in_sync"
    assert agent.held["wg0"].peers == {}


def test_peers_that_came_and_went_unseen_are_not_counted_twice(agent):
    interface = make_in_sync(agent, peers=30)
    known = list(Peer.objects.all()[:20])
    remove(interface, *add_peers(interface, 5), *known)
    assert push(interface).condition == "in_sync"
    assert len(agent.held["wg0"].peers) == 10


def test_removals_that_nothing_accounts_for_stay_refused(agent):
    interface = make_in_sync(agent, peers=30)
    add_peers(interface, 1)
    agent.fault = HttpError(409, "shrink_guard", "No.", removals=20)
    interface = push(interface)
    assert (interface.condition, len(agent.heard)) == ("unknown", 2)


def test_a_disabled_peer_goes_and_comes_back_with_its_key(agent):
    interface = make_in_sync(agent)
    peer = Peer.objects.first()
    before = agent.held["wg0"].peers[peer.public_key]
    for enabled in (False, True):
        peer.enabled = enabled
        edit(interface, peer, fields=["enabled"])
        push(interface)
        assert (peer.public_key in agent.held["wg0"].peers) is enabled
    assert agent.held["wg0"].peers[peer.public_key] == before


def test_a_worker_that_died_is_followed_by_another(agent):
    interface = make_new_interface(2, node=agent.node())
    leases.take(interface.pk, "dead")
    assert push(interface).condition == "pending"
    Interface.objects.update(sync_lease_until=interface.created_at)
    assert push(interface).condition == "in_sync"


def test_a_worker_that_comes_late_takes_nothing_back(agent):
    interface = make_in_sync(agent)
    late = leases.Lease(interface.pk, "late")
    add_peers(interface, 1)
    push(interface)
    assert not late.release(condition="conflict")
    assert fresh(interface).condition == "in_sync"


def test_a_node_that_forgot_everything_is_told_everything(agent):
    interface = make_in_sync(agent)
    agent.held.clear()
    Interface.objects.update(condition="lost")
    assert push(interface).condition == "in_sync"
    assert len(agent.held["wg0"].peers) == 3


def test_a_node_that_stays_away_stays_lost(agent):
    interface = make_in_sync(agent)
    Node.objects.update(agent_url=closed_port())
    Interface.objects.update(condition="lost")
    assert push(interface).condition == "lost"


def test_a_removed_interface_is_taken_down_and_forgotten(agent):
    interface = make_in_sync(agent)
    remove(interface, *Peer.objects.all())
    take_down(interface)
    assert (agent.held, Interface.objects.count(), Peer.objects.count()) == ({}, 0, 0)


def take_down(interface: Interface) -> None:
    row = fresh(interface)
    row.removed_at = row.created_at
    row.desired_generation += 1
    row.save()
    pushing.push(row.pk, "a worker")


def test_an_interface_of_somebody_else_is_not_taken_down(agent):
    in_use = make_in_sync(agent)
    Interface.objects.update(epoch=uuid.uuid4())
    remove(in_use, *Peer.objects.all())
    take_down(in_use)
    assert "wg0" in agent.held
    assert Interface.objects.count() == 0


def test_a_removed_interface_of_a_node_that_is_away_waits(agent):
    interface = make_in_sync(agent, peers=0)
    Node.objects.update(agent_url=closed_port())
    take_down(interface)
    assert fresh(interface).sync_error.startswith("Connection refused")


def test_a_removed_interface_with_peers_stays(agent):
    interface = make_in_sync(agent)
    take_down(interface)
    assert fresh(interface).condition_reason == "Peers that nobody removed are still on it."


def test_a_node_that_wants_to_be_left_alone_is_for_that_long(agent):
    interface = make_new_interface(node=agent.node())
    agent.fault = HttpError(429, "too_many_requests", "No.", retry_after=50)
    interface = push(interface)
    wait = interface.sync_not_before - timezone.now()
    assert 48 < wait.total_seconds() <= 50
    agent.fault = None
    Node.objects.update(reported_at=timezone.now(), failures=0)
    assert push_now(interface).condition == "pending"


def test_a_push_whose_answer_was_lost_has_the_same_idempotency_key(agent):
    agent.loses_answers = True
    interface = push(make_new_interface(node=agent.node()))
    agent.loses_answers = False
    assert push_now(interface).condition == "in_sync"
    first, again = agent.keys[:2]
    assert first == again
    add_peers(interface, 1)
    push(interface)
    assert agent.keys[-1] not in (None, first)
