"""From one call of the API to a working tunnel, and what the other peers notice of it: nothing."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from lab import beyond, by_panel
from lab.manage import manage

pytestmark = pytest.mark.lab
IDLE_PEERS = 44
PINGS, PING_SECONDS = 150, 0.1


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


def carrier(node):
    """The wireguard-go behind wg0, which the agent has started."""
    return node.run(
        "pgrep", "--full", "--ns", str(node.agent.pid), "--nslist", "net", "wireguard-go"
    )


def test_no_packet_is_lost_while_the_agent_is_killed_and_while_it_is_renewed(rest, managed):
    """What the unit does with `KillMode=process`: the agent ends, and what it started does not."""
    node = managed.nodes[1]
    client = next(it for it in managed.clients if it.node is node)
    by_panel.connect(rest, client)
    target, _ = node.plan.addresses(1)
    assert client.pings(target) == 1
    before = carrier(node), sessions(node)
    with ThreadPoolExecutor(1) as beside:
        answered = beside.submit(client.pings, target, PINGS, PING_SECONDS)
        node.agent.kill()
        node.agent.start()
        node.agent.wait_until_healthy()
        node.agent.restart()
        assert not answered.done()
    assert answered.result() == PINGS
    assert (carrier(node), sessions(node)) == before
