"""Creating a peer: all of it in one transaction, or nothing; and twice is once."""

import datetime as dt
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from wgpanel_agent import grammar

from accounts.tests.builders import make_admin
from nodes.models import Interface, Node
from nodes.tests.builders import make_group, make_online_node
from peers import removing
from peers.creation.creating import Where, create
from peers.errors import IdempotencyConflict, NoFreeAddress, PeerRefused
from peers.models import Address, IdempotencyKey, Peer
from peers.tests.builders import make_interface, make_key, make_peer
from peers.tests.states import assert_state_is_that_of_its_rows
from selection.decision import NodeRefused, NoNodeAvailable

pytestmark = pytest.mark.django_db


def tiny(**fields) -> Interface:
    """Save an interface with one address to give."""
    return make_interface(pool_v4="192.0.2.0/30", pool_v6="", **fields)


def test_a_peer_gets_a_place_addresses_keys_and_a_reason():
    interface = make_interface(pool_v4="192.0.2.0/27", pool_v6="2001:db8::/64")
    made = create(None, name="laptop")
    peer = Peer.objects.get()
    assert [str(address) for address in peer.addresses.all()] == ["192.0.2.2", "2001:db8::2"]
    assert grammar.preshared_key(peer.preshared_key.reveal())
    assert (peer.generation, peer.present, peer.interface) == (2, True, interface)
    assert peer.decision["node_id"] == str(interface.node_id)
    assert Node.objects.get().assigned_peers == 1
    assert made.peer == peer
    assert_state_is_that_of_its_rows(interface)


@pytest.mark.parametrize("kept", [True, False])
def test_a_key_that_the_panel_made_is_shown_once_and_stored_only_if_that_is_set(settings, kept):
    settings.WGPANEL_KEEP_CLIENT_KEYS = kept
    make_interface()
    made = create(None, name="laptop")
    assert grammar.private_key(made.private_key)
    stored = Peer.objects.get().private_key
    assert (stored.reveal() if stored else None) == (made.private_key if kept else None)
    assert made.private_key not in repr(made)


def test_a_key_that_the_client_made_stays_with_the_client():
    make_interface()
    key = make_key()
    made = create(None, name="laptop", public_key=key)
    assert (made.private_key, Peer.objects.get().private_key) == (None, None)
    assert Peer.objects.get().public_key == key


@pytest.mark.parametrize("wish", [{"preshared_key": "A" * 43 + "="}, {"with_preshared_key": False}])
def test_a_peer_may_be_without_a_preshared_key(wish):
    make_interface()
    create(None, name="laptop", **wish)
    assert Peer.objects.get().preshared_key is None


def test_the_history_says_who_created_the_peer():
    make_interface()
    user = make_admin()
    create(user, name="laptop")
    latest = Peer.history.get()
    assert (latest.history_type, latest.history_user, latest.name) == ("+", user, "laptop")


def test_a_disabled_peer_has_its_addresses_but_is_not_desired():
    interface = make_interface()
    create(None, name="laptop", enabled=False)
    assert (Peer.objects.get().present, Address.objects.held().count()) == (False, 2)
    assert Interface.objects.get().desired_generation == interface.desired_generation


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"public_key": "short"}, "public_key"),
        ({"public_key": ""}, "public_key"),
        ({"public_key": 7}, "public_key"),
        ({"preshared_key": "short"}, "preshared_key"),
        ({"keepalive": 65536}, "keepalive"),
        ({"keepalive": "25"}, "keepalive"),
        ({"tags": ["two words"]}, "tags"),
        ({"tags": "word"}, "tags"),
        ({"notes": "x" * 2001}, "notes"),
        ({"notes": "a\0b"}, "notes"),
        ({"notes": "\ud800"}, "notes"),
        ({"expires_at": timezone.now() - dt.timedelta(seconds=1)}, "expires_at"),
        ({"routed_networks": ["10.0.0.1/8"]}, "routed_networks"),
        ({"routed_networks": "10.0.0.0/8"}, "routed_networks"),
        ({"addresses": ["192.0.2.1"]}, "addresses"),
        ({"addresses": ["10.20.0.5", "10.20.0.6"]}, "addresses"),
        ({"addresses": "10.20.0.5"}, "addresses"),
    ],
)
def test_what_cannot_be_is_refused_by_field_and_leaves_nothing(wish, field):
    make_interface()
    with pytest.raises(PeerRefused) as caught:
        create(None, **{"name": "laptop", **wish})
    assert caught.value.field == field
    assert not Peer.objects.exists()
    assert not Address.objects.exists()
    assert Node.objects.get().assigned_peers == 0


def test_the_interfaces_own_key_and_that_of_another_peer_are_refused():
    peer = make_peer()
    for key in (peer.interface.public_key, peer.public_key):
        with pytest.raises(PeerRefused, match="key") as caught:
            create(None, name="laptop", public_key=key)
        assert caught.value.field == "public_key"


def test_the_key_of_a_removed_peer_may_come_back_before_the_node_has_confirmed():
    peer = make_peer()
    removing.remove(None, peer)
    create(None, name="laptop", public_key=peer.public_key)
    assert_state_is_that_of_its_rows(peer.interface)
    assert Peer.objects.existing().get().public_key == peer.public_key


def test_addresses_can_be_asked_for_the_other_family_is_given():
    make_interface(pool_v4="192.0.2.0/27", pool_v6="2001:db8::/64")
    create(None, name="laptop", addresses=["2001:db8::7:1"])
    assert [str(one) for one in Address.objects.all()] == ["192.0.2.2", "2001:db8::7:1"]


def test_an_address_of_a_family_without_a_pool_is_refused():
    tiny()
    with pytest.raises(PeerRefused, match="no IPv6 pool"):
        create(None, name="laptop", addresses=["2001:db8::5"])


def test_the_last_address_closes_the_node_to_selection():
    tiny()
    create(None, name="one")
    assert not Node.objects.get().has_free_address
    with pytest.raises(NoNodeAvailable) as caught:
        create(None, name="two")
    assert caught.value.exclusions == {"no_free_address": 1}


def test_a_node_that_turns_out_to_have_no_address_is_closed_and_another_is_chosen():
    full, other = tiny(), make_interface()
    Node.objects.filter(pk=other.node_id).update(active_peers=100)
    make_peer(interface=full)
    assert create(None, name="laptop").peer.interface == other
    assert not Node.objects.get(pk=full.node_id).has_free_address
    assert Node.objects.get(pk=full.node_id).assigned_peers == 0


def test_a_node_without_an_interface_is_closed_too():
    make_online_node(active_peers=0)
    with pytest.raises(NoNodeAvailable):
        create(None, name="laptop")
    assert not Node.objects.get().has_free_address


def test_a_named_node_is_taken_or_refused_with_the_reason():
    full, other = tiny(), make_interface()
    assert create(None, Where(strategy=other.node.name), name="one").peer.interface == other
    make_peer(interface=full)
    with pytest.raises(NoFreeAddress, match="no free IPv4 address"):
        create(None, Where(strategy=full.node.name), name="two")
    with pytest.raises(NodeRefused, match="no free address"):
        create(None, Where(strategy=full.node.name), name="two")


def test_a_peer_goes_into_the_group_or_onto_the_interface_that_is_named():
    group = make_group()
    make_interface()
    inside = make_interface(node=make_online_node(group=group))
    second = make_interface(node=inside.node, pool_v4="10.77.0.0/24", pool_v6="")
    assert create(None, Where(group=group), name="one").peer.interface == inside
    assert create(None, Where(interface=second), name="two").peer.interface == second


def test_routes_need_a_right_of_their_own():
    make_interface()
    helper = make_admin(username="helper", is_superuser=False)
    with pytest.raises(PeerRefused, match="may not give") as caught:
        create(helper, name="branch", routed_networks=["192.168.7.0/24"])
    assert caught.value.field == "routed_networks"
    create(make_admin(), name="branch", routed_networks=["192.168.7.0/24"])
    assert Peer.objects.get().routed_networks == ["192.168.7.0/24"]


def test_the_same_request_twice_makes_one_peer():
    make_interface()
    user, key = make_admin(), make_key()
    first = create(user, key="k-1", name="laptop", public_key=key)
    again = create(user, key="k-1", name="laptop", public_key=key)
    assert (first.peer, first.is_repeat, again.is_repeat) == (again.peer, False, True)
    assert Peer.objects.count() == Node.objects.get().assigned_peers == 1


def test_a_key_that_the_panel_made_is_not_told_again():
    make_interface()
    assert create(None, key="k-1", name="laptop").private_key
    assert create(None, key="k-1", name="laptop").private_key is None


@pytest.mark.parametrize("other", [{"name": "phone"}, {"where": Where(strategy="priority")}])
def test_the_same_key_for_another_request_is_a_conflict(other):
    make_interface()
    create(None, key="k-1", name="laptop")
    with pytest.raises(IdempotencyConflict):
        create(None, other.pop("where", None), key="k-1", **{"name": "laptop", **other})
    assert Peer.objects.count() == 1


def test_keys_belong_to_their_users():
    make_interface()
    create(make_admin(username="one"), key="k-1", name="laptop")
    create(make_admin(username="two"), key="k-1", name="phone")
    assert Peer.objects.count() == 2


def test_a_key_that_failed_may_be_used_again():
    with pytest.raises(NoNodeAvailable):
        create(None, key="k-1", name="laptop")
    make_interface()
    assert not create(None, key="k-1", name="laptop").is_repeat


def test_a_key_is_forgotten_after_a_day_and_a_peer_that_is_gone_is_not_made_again():
    make_interface()
    made = create(None, key="k-1", name="laptop")
    removing.remove(None, made.peer)
    with pytest.raises(IdempotencyConflict, match="gone"):
        create(None, key="k-1", name="laptop")
    IdempotencyKey.objects.update(created_at=timezone.now() - dt.timedelta(hours=25))
    assert not create(None, key="k-1", name="laptop").is_repeat


def test_the_request_itself_is_not_stored():
    make_interface()
    create(None, key="k-1", name="laptop", preshared_key=make_key())
    row = IdempotencyKey.objects.get()
    assert (row.peer_id, len(row.request_digest)) == (Peer.objects.get().pk, 64)


def test_a_repeated_digest_does_not_depend_on_the_order_of_the_request():
    make_interface()
    group = uuid.uuid4()
    wish = {"name": "laptop", "tags": ["a", "b"], "notes": "n"}
    create(None, key="k", **wish)
    assert create(None, key="k", **dict(reversed(wish.items()))).is_repeat
    with pytest.raises(IdempotencyConflict):
        create(None, Where(group=group), key="k", **wish)


def test_a_creation_costs_the_same_number_of_queries_however_many_peers_there_are():
    make_interface()
    counts = []
    create(None, name="first")
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            create(None, name="laptop")
        counts.append(len(queries))
        for number in range(20):
            create(None, name=f"peer-{number}")
    assert counts[0] == counts[1]
    assert counts[0] <= 25
