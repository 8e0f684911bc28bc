"""From one call of the API to a working tunnel, and what the other peers notice of it: nothing."""

import pytest

from lab import beyond, by_panel
from lab.manage import manage

pytestmark = pytest.mark.lab
IDLE_PEERS = 44


@pytest.fixture(autouse=True)
def sound(panel, managed):
    """After each test every invariant of the fleet holds."""
    yield
    manage(panel.state_dir, "fleet_fsck")


@pytest.fixture
def internet(managed):
    return beyond.raise_beyond(managed)


def interface_of(rest, peer):
    return rest.call("GET", f"interfaces/{peer['interface']}/")


def sessions(node):
    """Latest handshake of each peer that ever had one."""
    return {key: at for key, at in node.handshakes().items() if at}


def test_a_peer_made_in_a_group_connects_and_reaches_what_lies_behind_its_node(
    rest, managed, internet
):
    client = managed.clients[0]
    peer = rest.call("POST", "peers/", {"name": "laptop", "group": "Europe", "keys": "panel"}, 201)
    client.take(peer["config"], beyond.IPV4)
    interface = interface_of(rest, peer)
    own = [interface["address_v4"], interface["address_v6"]]
    assert [client.pings(target, 3) for target in own] == [3, 3]
    assert [client.pings(target, 3) for target in (beyond.IPV4, beyond.IPV6)] == [3, 3]


def test_the_others_feel_nothing_when_a_peer_comes_is_disabled_and_goes(rest, managed):
    node = managed.nodes[0]
    others = [client for client in managed.clients[1:] if client.node is node]
    for client in others:
        by_panel.connect(rest, client)
    for number in range(IDLE_PEERS):
        rest.call(
            "POST", "peers/", {"name": f"idle-{number}", "node": node.name, "keys": "panel"}, 201
        )
    managed_id = by_panel.interface_of(rest, node)["id"]
    by_panel.in_sync(rest, managed_id)
    before = sessions(node)
    peer = rest.call("POST", "peers/", {"name": "guest", "node": node.name, "keys": "panel"}, 201)
    by_panel.in_sync(rest, managed_id)
    assert peer["public_key"] in node.peers()
    rest.call("POST", f"peers/{peer['id']}/disable/")
    by_panel.in_sync(rest, managed_id)
    assert peer["public_key"] not in node.peers()
    rest.call("DELETE", f"peers/{peer['id']}/", status=204)
    by_panel.in_sync(rest, managed_id)
    assert all(client.pings("10.77.1.1", 5) == 5 for client in others)
    assert {key: sessions(node)[key] for key in before} == before
