"""From one call of the API to a working tunnel, and what the other peers notice of it: nothing."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from lab import beyond, by_panel
from lab.manage import manage

pytestmark = pytest.mark.lab
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
    client.wait_for_answer(own[0])
    assert [client.pings(target, 3) for target in own] == [3, 3]
    assert [client.pings(target, 3) for target in (beyond.IPV4, beyond.IPV6)] == [3, 3]


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
    client.wait_for_answer(target)
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
