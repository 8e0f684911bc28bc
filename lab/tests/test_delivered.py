"""A fleet that a panel sets up: servers have an agent and nothing else, clients wait for a file."""

import pytest

from lab import beyond, wireguard
from lab.client import private_key_in, without_dns
from lab.errors import LabError
from lab.fleet import Fleet
from lab.wireguard import Configuration, Peer

pytestmark = pytest.mark.lab


@pytest.fixture
def bare(tmp_path):
    with Fleet(tmp_path, clients=1, by_hand=False) as fleet:
        yield fleet


def test_a_bare_server_has_a_healthy_agent_and_no_interface(bare):
    node = bare.nodes[0]
    assert node.agent.is_healthy
    assert node.run("wg", "show", "interfaces").split() == []


def test_a_client_connects_with_the_file_that_it_is_given(bare):
    node, client = bare.nodes[0], bare.clients[0]
    key = wireguard.make_private_key()
    psk = wireguard.make_preshared_key()
    node.configure([Peer(wireguard.public_key(key), psk, ("10.77.1.9/32",))])
    node.power_on()
    server = Peer(node.public_key, psk, ("10.77.1.0/24",), node.endpoint(), 25)
    client.take(Configuration(key, ("10.77.1.9/32",), (server,)).text(), "10.77.1.1")
    bare.wait_for_handshakes()
    assert client.pings("10.77.1.1", count=3) == 3


def test_only_the_nodes_reach_what_lies_behind_them(bare):
    beyond.raise_beyond(bare)
    node, client = bare.nodes[0], bare.clients[0]
    for target in (beyond.IPV4, beyond.IPV6):
        assert "1 received" in node.run("ping", "-n", "-q", "-c", "1", "-W", "2", target)
    assert client.pings(beyond.IPV4) == 0


def test_a_file_without_a_private_key_is_refused():
    with pytest.raises(LabError, match="no private key"):
        private_key_in("[Interface]\nAddress = 10.0.0.1/32\n")


def test_the_resolver_of_the_machine_is_not_the_tunnels_to_set():
    file = "[Interface]\nDNS = 9.9.9.9, example.com\nMTU = 1420\n"
    assert without_dns(file) == "[Interface]\nMTU = 1420\n"
