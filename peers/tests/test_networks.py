"""Which networks collide, and who may route which."""

import pytest

from accounts.tests.builders import make_staff
from nodes.tests.builders import make_node
from peers.errors import PeerRefused
from peers.models import Peer
from peers.pools import networks
from peers.tests.builders import make_interface, make_peer

pytestmark = pytest.mark.django_db


def refusal(*routes: str, user=None, peer: Peer | None = None) -> str:
    with pytest.raises(PeerRefused) as caught:
        networks.refuse_routes(routes, user, peer or Peer())
    return caught.value.sentence


@pytest.mark.parametrize("route", ["10.20.7.0/24", "10.0.0.0/8", "0.0.0.0/0", "::/0"])
def test_a_network_that_overlaps_a_pool_is_not_routed(route):
    make_interface()
    assert "the pool of" in refusal(route)


def test_a_network_that_overlaps_that_of_another_peer_is_not_routed():
    peer = make_peer(name="branch", routed_networks=["192.168.7.0/24"])
    assert "behind branch" in refusal("192.168.0.0/16")
    networks.refuse_routes(["192.168.0.0/16"], None, peer)


def test_the_address_of_a_node_is_not_routed_to_a_peer():
    make_node(agent_url="http://[fd99::7]:8080", name="fra1")
    make_node(agent_url="http://127.0.0.1:8080", name="fra2")
    assert "the address of fra1" in refusal("fd99::/64")
    assert "the address of fra2" in refusal("127.0.0.0/8")


def test_networks_of_one_peer_do_not_overlap_among_themselves():
    assert "lies within 192.168.0.0/16" in refusal("192.168.9.0/24", "192.168.0.0/16")


def test_removed_peers_are_no_longer_in_the_way():
    peer = make_peer(name="branch", routed_networks=["192.168.7.0/24"])
    assert "behind branch" in refusal("192.168.7.0/24")
    Peer.objects.filter(pk=peer.pk).update(removed_at=peer.created_at)
    networks.refuse_routes(["192.168.7.0/24"], None, Peer())


def test_who_has_the_right_may_add_routes():
    make_interface()
    networks.refuse_routes(["192.168.7.0/24"], make_staff("peers.add_routes"), Peer())
    assert "may not" in refusal("192.168.7.0/24", user=make_staff("peers.add_peer"))
    networks.refuse_routes([], make_staff(), Peer())
