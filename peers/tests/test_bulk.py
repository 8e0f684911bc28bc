"""The same done to many peers: one generation for each interface, one history row for each peer."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.tests.builders import make_admin
from nodes.models import Interface, Node
from peers.errors import PeerRefused
from peers.many import bulk
from peers.models import Address, Peer
from peers.tests.builders import make_interface, make_peer
from peers.tests.states import assert_state_is_that_of_its_rows

pytestmark = pytest.mark.django_db


def make_peers(count: int, **fields) -> Interface:
    interface = make_interface()
    for _ in range(count):
        make_peer(interface=interface, **fields)
    Node.objects.filter(pk=interface.node_id).update(assigned_peers=count)
    return interface


def test_peers_are_disabled_with_one_generation_for_each_interface():
    interfaces = [make_peers(3), make_peers(2)]
    make_peer(interface=interfaces[0], enabled=False)
    outcome = bulk.disable(Peer.objects.all(), None)
    assert (outcome.changed, outcome.left) == (5, {})
    for interface in interfaces:
        assert_state_is_that_of_its_rows(interface)
        assert (interface.desired_generation, interface.peers.in_document().count()) == (2, 0)


def test_peers_whose_time_is_over_are_not_enabled_and_each_says_why():
    interface = make_peers(6, enabled=False)
    over = timezone.now() - dt.timedelta(hours=1)
    expired = [make_peer(interface=interface, enabled=False, expires_at=over) for _ in range(4)]
    outcome = bulk.enable(Peer.objects.all(), None)
    assert (outcome.changed, outcome.left.keys()) == (6, {peer.pk for peer in expired})
    assert all("expired at" in reason for reason in outcome.left.values())
    assert_state_is_that_of_its_rows(interface)


def test_removed_peers_leave_tombstones_resting_addresses_and_free_places():
    interface = make_peers(4)
    chosen = Peer.objects.order_by("pk").values("pk")[:3]
    assert bulk.remove(Peer.objects.filter(pk__in=chosen), None).changed == 3
    assert (Peer.objects.removed().count(), Address.objects.released().count()) == (3, 6)
    assert Node.objects.get().assigned_peers == 1
    assert_state_is_that_of_its_rows(interface)
    assert bulk.remove(Peer.objects.removed(), None).changed == 0


def test_tags_are_given_and_taken_without_a_word_to_the_node():
    interface = make_peers(2, tags=["old", "kept"])
    bulk.tag(Peer.objects.all(), None, add=["new"], drop=["old"])
    assert [peer.tags for peer in Peer.objects.all()] == [["kept", "new"]] * 2
    interface.refresh_from_db()
    assert interface.desired_generation == 1
    assert bulk.tag(Peer.objects.all(), None, add=["new"]).changed == 0


def test_a_tag_that_is_none_is_refused_and_too_many_are_left():
    make_peers(1, tags=[f"t{number}" for number in range(20)])
    with pytest.raises(PeerRefused):
        bulk.tag(Peer.objects.all(), None, add=["two words"])
    outcome = bulk.tag(Peer.objects.all(), None, add=["one-more"])
    assert (outcome.changed, list(outcome.left)) == (0, [Peer.objects.get().pk])


@pytest.mark.parametrize("act", [bulk.disable, bulk.remove])
def test_the_history_has_a_row_for_each_peer_and_says_who(act):
    make_peers(3)
    user, before = make_admin(), Peer.history.count()
    act(Peer.objects.all(), user)
    rows = Peer.history.all()[: Peer.history.count() - before]
    assert [(row.history_type, row.history_user) for row in rows] == [("~", user)] * 3


@pytest.mark.parametrize("act", [bulk.disable, bulk.remove])
def test_many_peers_cost_no_query_each(act):
    costs = []
    for count in (2, 60):
        interface = make_peers(count)
        with CaptureQueriesContext(connection) as queries:
            act(Peer.objects.filter(interface=interface), None)
        costs.append(len(queries))
    assert costs[0] == costs[1] <= 20


def test_nobody_is_changed_by_an_empty_selection():
    interface = make_peers(1)
    assert bulk.remove(Peer.objects.none(), None).changed == 0
    interface.refresh_from_db()
    assert interface.desired_generation == 1
