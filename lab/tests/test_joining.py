"""A new server pastes the line of the panel, and is a node: real panel, real network, real TLS."""

import time

import pytest

from lab import joining, wireguard
from lab.errors import CommandFailed
from lab.fixtures import NEEDS, require
from lab.fleet import Fleet
from lab.relay import relay
from lab.wireguard import Peer

pytestmark = pytest.mark.lab
ONLINE_SECONDS = 10
CALLED_SECONDS = 30  # the panel tries every other second, and each try may have to wait its turn


@pytest.fixture
def servers(rest, tmp_path):
    """Two servers without any agent, which the panel knows no more afterwards."""
    require(NEEDS["lab"]())
    groups = ("Joined", "Joined")
    with Fleet(tmp_path / "fleet", groups=groups, agents=False, by_hand=False) as fleet:
        yield fleet.nodes
    for node in rest.call("GET", "nodes/")["results"]:
        rest.call("PATCH", f"nodes/{node['id']}/", {"enabled": False})
        rest.call("DELETE", f"nodes/{node['id']}/")


def test_one_line_makes_a_server_a_node_of_its_group_over_tls(panel, rest, servers):
    node, thief = servers
    group = rest.call("POST", "groups/", {"name": "Joined"}, 201)["id"]
    line = joining.make_line(rest, group=group, name="joined-1")
    pasted_at = time.monotonic()
    joining.run_line(panel, node, line)
    told = rest.wait(node, ONLINE_SECONDS, lambda told: told["status"] == "online")
    assert time.monotonic() - pasted_at < ONLINE_SECONDS
    assert (told["name"], told["group"]) == ("joined-1", group)
    assert told["agent_url"] == node.agent.url == f"https://{node.host.address4}:8080"
    assert told["tls_pin"] == node.agent.pin

    with relay(thief.host.namespace, panel.port), pytest.raises(CommandFailed, match="409.*used"):
        thief.run(*joining.words(thief, line))
    assert not thief.has_joined
    (token,) = rest.call("GET", "join-tokens/")["results"]
    assert (token["state"], token["node"]) == ("joined", node.identity.node_id)
    assert token["reused_at"]


def test_a_server_that_cannot_reach_the_panel_is_called_and_is_a_node_of_its_group_over_tls(
    panel, rest, servers
):
    node, _ = servers
    with pytest.raises(CommandFailed):
        node.run("curl", "--max-time", "5", f"{panel.url}/readyz")
    group = rest.call("POST", "groups/", {"name": "Called"}, 201)["id"]
    url = f"https://{node.host.address4}:8080"
    presets = {"name": "called-1", "group": group, "dial_url": url}
    made = rest.call("POST", "join-tokens/", presets, 201)
    waiting = joining.wait_to_be_called(node, made["line"])
    rest.wait_for(f"join-tokens/{made['id']}/", CALLED_SECONDS, lambda told: told["told_at"])
    waiting.reap()
    joining.start_joined(node)
    told = rest.wait(node, CALLED_SECONDS, lambda told: told["status"] == "online")
    assert (told["name"], told["group"]) == ("called-1", group)
    assert (told["agent_url"], told["tls_pin"]) == (url, node.agent.pin)


def test_an_interface_that_was_there_is_told_and_nothing_of_it_is_touched(panel, rest, servers):
    node, _ = servers
    client = wireguard.public_key(wireguard.make_private_key())
    node.configure([Peer(client, wireguard.make_preshared_key(), ("10.9.0.2/32",))])
    node.power_on()
    before = everything_of_wg0(node)
    made = rest.call("POST", "join-tokens/", {}, 201)
    joining.run_line(panel, node, made["line"])
    rest.wait(node, ONLINE_SECONDS, lambda told: told["status"] == "online")
    assert everything_of_wg0(node) == before
    assert rest.call("GET", f"join-tokens/{made['id']}/")["interfaces"] == [
        {"name": "wg0", "public_key": node.public_key, "listen_port": 51820, "peers": 1}
    ]
    assert rest.call("GET", f"interfaces/?node={node.identity.node_id}")["results"] == []


def everything_of_wg0(node):
    """What runs, its addresses and routes, and its file with the time of its last change."""
    file = node.host.wireguard_folder / "wg0.conf"
    runs = node.run("wg", "show", "all", "dump")
    network = node.run("ip", "-json", "address", "show", "wg0") + node.run("ip", "route")
    return runs, network, file.read_bytes(), file.stat().st_mtime_ns


def test_a_node_that_joined_comes_back_as_itself_and_one_entered_by_hand_joins_as_itself(
    panel, rest, servers
):
    joined, by_hand = servers
    joining.return_or_join(rest, panel, joined)
    before = joined.identity, joined.agent.pin
    joined.agent.stop()
    joining.return_or_join(rest, panel, joined)
    assert (joined.identity, joined.agent.pin) == before

    node_id = rest.enlist(by_hand)["id"]
    joining.return_or_join(rest, panel, by_hand)
    told = rest.wait(by_hand, ONLINE_SECONDS, lambda told: told["status"] == "online")
    assert (told["id"], told["tls_pin"]) == (node_id, by_hand.agent.pin)
    assert by_hand.agent.pin
