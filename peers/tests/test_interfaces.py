"""Interfaces made, changed and removed from the panel."""

import pytest
from wgpanel_agent.documents import state_hash

from accounts.tests.builders import make_admin
from nodes.models import Interface, Node
from nodes.tests.builders import make_node, make_online_node
from peers.creation.creating import create
from peers.errors import InterfaceRefused
from peers.interfaces import shaping
from peers.models import Address
from peers.tests.builders import make_address, make_interface, make_peer, make_reservation
from peers.tests.states import assert_state_is_that_of_its_rows

pytestmark = pytest.mark.django_db
POOLS = {"pool_v4": "10.20.0.0/16", "pool_v6": "fd12:3456::/64"}


def test_a_new_interface_has_its_defaults_and_its_first_generation():
    interface = shaping.create(None, make_node(), "wg0", **POOLS)
    stored = Interface.objects.get()
    assert (stored.address_v4, stored.address_v6) == ("10.20.0.1", "fd12:3456::1")
    assert (stored.desired_generation, stored.observed_generation) == (1, 0)
    assert stored.desired_hash == state_hash(interface.part(), [])
    assert (stored.accepts_peers, stored.forward, stored.policy) == (True, True, "enforce")
    assert stored.client_fingerprint


def test_its_first_interface_opens_a_node_to_selection():
    node = make_online_node(has_free_address=False)
    shaping.create(None, node, "wg0", **POOLS)
    assert Node.objects.get().has_free_address
    assert create(None, name="laptop").peer.interface.name == "wg0"


def test_only_the_first_interface_of_a_node_takes_its_new_peers():
    first = make_interface()
    second = shaping.create(None, first.node, "wg1", listen_port=51900, pool_v4="10.9.0.0/24")
    assert not second.accepts_peers
    with pytest.raises(InterfaceRefused, match="takes the node's new peers"):
        shaping.change(None, second, accepts_peers=True)
    shaping.change(None, first, accepts_peers=False)
    assert shaping.change(None, second, accepts_peers=True).accepts_peers


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "all"}, "name"),
        ({"name": "wg0\n"}, "name"),
        ({"name": "wg5"}, "name"),
        ({"listen_port": 51825}, "listen_port"),
        ({"listen_port": 0}, "listen_port"),
        ({"pool_v4": "", "pool_v6": ""}, "pool_v4"),
        ({"pool_v4": "10.20.0.1/16"}, "pool_v4"),
        ({"pool_v4": "10.20.0.0/255.255.0.0"}, "pool_v4"),
        ({"pool_v4": "fd00::/64"}, "pool_v4"),
        ({"pool_v6": "10.0.0.0/8"}, "pool_v6"),
        ({"pool_v4": "10.55.128.0/17"}, "pool_v4"),
        ({"address_v4": "10.21.0.1"}, "address_v4"),
        ({"address_v4": "10.20.0.0"}, "address_v4"),
        ({"address_v4": "10.20.255.255"}, "address_v4"),
        ({"address_v6": "fd12:3456::1%x"}, "address_v6"),
        ({"mtu": 1279}, "mtu"),
        ({"mtu": 9001}, "mtu"),
        ({"fwmark": 2**32}, "fwmark"),
        ({"table": "main"}, "table"),
        ({"out_interface": "eth0;id"}, "out_interface"),
        ({"policy": "hope"}, "policy"),
        ({"endpoint_host": "vpn.example.net:51820"}, "endpoint_host"),
        ({"endpoint_host": "a\nb"}, "endpoint_host"),
        ({"endpoint_port": 65536}, "endpoint_port"),
        ({"dns": "1.1.1.1, "}, "dns"),
        ({"dns": "1.1.1.1\nPostUp = id"}, "dns"),
        ({"client_allowed_ips": "10.0.0.1/8"}, "client_allowed_ips"),
        ({"keepalive": 65536}, "keepalive"),
    ],
)
def test_what_cannot_be_is_refused_by_field_and_leaves_nothing(fields, field):
    other = make_interface(name="wg5", listen_port=51825, pool_v4="10.55.0.0/16", pool_v6="")
    wish = {"name": "wg0", "accepts_peers": False, **POOLS, **fields}
    with pytest.raises(InterfaceRefused) as caught:
        shaping.create(None, other.node, **wish)
    assert caught.value.field == field
    assert Interface.objects.get() == other


def test_pools_of_other_nodes_may_overlap_but_networks_behind_peers_may_not():
    peer = make_peer(routed_networks=["10.99.0.0/24"])
    shaping.create(None, make_node(), "wg0", pool_v4=peer.interface.pool_v4)
    with pytest.raises(InterfaceRefused, match=f"a network behind {peer.name}"):
        shaping.create(None, make_node(), "wg0", pool_v4="10.99.0.0/16")


@pytest.mark.parametrize(
    ("fields", "generation"),
    [
        ({"listen_port": 443}, 2),
        ({"mtu": 1380}, 2),
        ({"table": "off", "fwmark": 7}, 2),
        ({"masquerade": False, "out_interface": "eth0"}, 2),
        ({"policy": "alert"}, 2),
        ({"address_v4": "10.20.0.9"}, 2),
        ({"endpoint_host": "VPN2.example.net"}, 1),
        ({"dns": "1.1.1.1 ,fd00::53"}, 1),
        ({"client_allowed_ips": "10.0.0.0/8", "keepalive": 0}, 1),
        ({"accepts_peers": False}, 1),
    ],
)
def test_only_what_the_node_is_told_raises_the_generation(fields, generation):
    peer = make_peer()
    shaping.change(None, peer.interface, **fields)
    assert_state_is_that_of_its_rows(peer.interface)
    assert peer.interface.desired_generation == generation


def test_what_clients_are_told_gets_its_one_spelling():
    changed = shaping.change(
        None, make_interface(), endpoint_host="VPN2.Example.net", dns="1.1.1.1 ,fd00::53"
    )
    assert (changed.endpoint_host, changed.dns) == ("vpn2.example.net", "1.1.1.1, fd00::53")


def test_what_clients_are_told_moves_the_fingerprint_of_their_files():
    interface = make_interface()
    first = shaping.change(None, interface, mtu=1400).client_fingerprint
    assert shaping.change(None, interface, keepalive=10).client_fingerprint != first


def test_the_history_says_who_changed_what():
    interface, user = make_interface(), make_admin()
    shaping.change(user, interface, mtu=1400)
    rows = interface.history.filter(history_user=user)
    assert [(row.history_type, row.mtu) for row in rows] == [("~", 1400)]


def test_a_pool_grows_with_the_addresses_of_its_peers():
    interface = make_interface(pool_v4="192.0.2.0/30", pool_v6="")
    peer = make_peer(interface=interface)
    Node.objects.update(has_free_address=False)
    shaping.change(None, interface, pool_v4="192.0.2.0/24")
    assert str(peer.addresses.get().ip) == "192.0.2.2"
    assert Node.objects.get().has_free_address
    assert str(create(None, name="next").peer.addresses.get()) == "192.0.2.3"
    assert_state_is_that_of_its_rows(interface)


@pytest.mark.parametrize("pool", ["192.0.2.0/30", "198.51.100.0/24", "192.0.0.0/16", ""])
def test_a_pool_in_which_addresses_are_held_is_not_taken_away(pool):
    interface = make_interface(pool_v4="192.0.2.0/24")
    make_address(interface=interface, peer=make_peer(interface=interface), offset=9)
    with pytest.raises(InterfaceRefused) as caught:
        shaping.change(None, interface, pool_v4=pool)
    assert caught.value.field == "pool_v4"


def test_reserved_addresses_hold_a_pool_too():
    interface = make_interface(pool_v4="192.0.2.0/24")
    make_reservation(interface=interface, first_offset=5, last_offset=6)
    with pytest.raises(InterfaceRefused, match="reserved"):
        shaping.change(None, interface, pool_v4="198.51.100.0/24")


def test_an_unused_pool_is_replaced_with_its_own_address_and_what_rested_in_it():
    interface = make_interface(pool_v4="192.0.2.0/24", next_offset_v4=77)
    make_address(interface=interface, offset=5, released_at=interface.created_at)
    changed = shaping.change(None, interface, pool_v4="198.51.100.0/24")
    assert (changed.address_v4, changed.next_offset_v4) == ("198.51.100.1", 1)
    assert not Address.objects.exists()
    assert shaping.change(None, interface, pool_v4="").address_v4 == ""


def test_a_second_pool_is_for_peers_to_come():
    interface = make_interface(pool_v6="")
    peer = make_peer(interface=interface)
    shaping.change(None, interface, pool_v6="fd00:77::/64")
    assert peer.addresses.count() == 1
    assert create(None, name="next").peer.addresses.count() == 2
    assert_state_is_that_of_its_rows(interface)


def test_the_address_of_a_peer_is_not_taken_for_the_interface():
    peer = make_peer()
    with pytest.raises(InterfaceRefused, match="A peer has"):
        shaping.change(None, peer.interface, address_v4=str(peer.addresses.first().ip))


def test_an_interface_with_peers_is_not_removed():
    peer = make_peer()
    with pytest.raises(InterfaceRefused, match=r"has peers \(1\)"):
        shaping.remove(None, peer.interface)


def test_a_removed_interface_is_a_tombstone_that_takes_nobody():
    interface = make_interface()
    shaping.remove(None, interface)
    interface.refresh_from_db()
    assert (interface.desired_generation, interface.accepts_peers) == (2, False)
    assert interface.removed_at is not None
    assert not Node.objects.get().has_free_address
    for act in (shaping.change, shaping.remove):
        with pytest.raises(Interface.DoesNotExist):
            act(None, interface)


def test_its_name_and_port_are_free_once_the_node_has_confirmed():
    interface = make_interface(name="wg0", listen_port=51820)
    shaping.remove(None, interface)
    with pytest.raises(InterfaceRefused, match="of this name"):
        shaping.create(None, interface.node, "wg0", **POOLS)
    Interface.objects.all().delete()
    assert shaping.create(None, interface.node, "wg0", **POOLS).accepts_peers


@pytest.mark.parametrize("field", ["public_key", "desired_hash", "condition", "epoch", "node"])
def test_what_is_the_panels_own_is_not_for_callers(field):
    with pytest.raises(ValueError, match=field):
        shaping.change(None, make_interface(), **{field: None})
