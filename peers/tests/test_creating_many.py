"""Creating many peers: spread by selection, as many as there is room for, without a query each."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from nodes.models import Interface, Node
from peers.creation.creating import Where
from peers.creation.creating_many import create_many
from peers.errors import PeerRefused
from peers.models import Address, Peer
from peers.tests.builders import make_interface, make_key, make_peer
from peers.tests.states import assert_state_is_that_of_its_rows

pytestmark = pytest.mark.django_db


def wishes(count: int, **fields) -> list[dict]:
    return [{"name": f"laptop-{number}", **fields} for number in range(count)]


def test_many_are_spread_over_the_nodes_with_one_generation_for_each():
    interfaces = [make_interface(), make_interface()]
    batch = create_many(None, Where(), wishes(10))
    assert (len(batch.created), batch.refusal) == (10, "")
    for interface in interfaces:
        assert_state_is_that_of_its_rows(interface)
        assert (interface.peers.count(), interface.desired_generation) == (5, 2)
    assert list(Node.objects.values_list("assigned_peers", flat=True)) == [5, 5]
    assert Peer.history.count() == 10
    assert all(len(made.peer.decision["candidates"]) == 2 for made in batch.created)


def test_as_many_as_there_are_addresses_for_are_created_and_the_rest_is_explained():
    small = make_interface(pool_v4="192.0.2.0/29", pool_v6="")
    make_interface(pool_v4="198.51.100.0/29", pool_v6="")
    batch = create_many(None, Where(), wishes(20))
    assert len(batch.created) == Peer.objects.count() == 10
    assert "no free address" in batch.refusal
    assert not Node.objects.filter(has_free_address=True).exists()
    assert_state_is_that_of_its_rows(small)


def test_as_many_as_there_are_places_for_are_created():
    interface = make_interface()
    Node.objects.update(max_peers=3)
    batch = create_many(None, Where(interface=interface), wishes(5))
    assert (len(batch.created), Node.objects.get().assigned_peers) == (3, 3)
    assert "full" in batch.refusal


def test_a_full_interface_that_is_named_says_so():
    interface = make_interface(pool_v4="192.0.2.0/30", pool_v6="")
    make_peer(interface=interface)
    batch = create_many(None, Where(interface=interface), wishes(2))
    assert (batch.created, "no free IPv4 address" in batch.refusal) == ([], True)


def test_a_wish_that_cannot_be_is_named_before_anything_is_created():
    make_interface()
    with pytest.raises(PeerRefused, match=r"Peer 2: .*") as caught:
        create_many(None, Where(), [{"name": "good"}, {"name": ""}])
    assert caught.value.field == "name"
    assert not Peer.objects.exists()


def test_one_key_twice_among_them_is_refused():
    make_interface()
    batch = create_many(None, Where(), wishes(2, public_key=make_key()))
    assert (batch.created, "has this key" in batch.refusal) == ([], True)
    assert (Node.objects.get().assigned_peers, Address.objects.count()) == (0, 0)


def test_many_cost_no_query_each():
    make_interface()
    create_many(None, Where(), wishes(1))
    costs = []
    for count in (2, 100):
        with CaptureQueriesContext(connection) as queries:
            create_many(None, Where(), wishes(count))
        costs.append(len(queries))
    assert costs[1] <= costs[0] + 6 <= 32  # SQLite takes 999 values a statement
    assert Interface.objects.get().desired_generation == 4
