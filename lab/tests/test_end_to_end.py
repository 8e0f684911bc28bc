"""A panel with real workers and a fleet of real nodes: what an operator sees when things break."""

import pytest

pytestmark = pytest.mark.lab

OFFLINE_SECONDS = 40
# a tick of beat, the claim, and the poll itself
SLACK_SECONDS = 3
# from the failed poll to the next one
RETRY_SECONDS = 20


def is_(status):
    return lambda node: node["status"] == status


@pytest.fixture
def victim(nodes, rest):
    """One of the nodes, whole again afterwards."""
    node = nodes[0]
    yield node
    if not node.agent.is_running:
        node.agent.start()
    node.agent.thaw()
    node.agent.wait_until_healthy()
    rest.call("POST", f"nodes/{node.identity.node_id}/poll/", status=202)
    rest.wait(node, RETRY_SECONDS, is_("online"))


def test_a_report_shows_the_real_interface_and_its_peers(nodes, rest):
    node = rest.node(nodes[0])
    told = node["health_json"]["wireguard"]["interfaces"]["wg0"]
    assert told["public_key"] == nodes[0].public_key
    assert (told["status"], told["peer_count"], node["active_peers"]) == ("up", 1, 1)


def test_a_killed_agent_is_offline_within_forty_seconds_and_the_others_are_not(victim, nodes, rest):
    victim.agent.kill()
    node = rest.wait(victim, OFFLINE_SECONDS + SLACK_SECONDS, is_("offline"))
    assert "refused" in node["status_reason"]
    assert node["health_json"] is not None
    assert [rest.node(other)["status"] for other in nodes[1:]] == ["online", "online"]


def test_a_hanging_agent_is_offline_within_forty_seconds(victim, rest):
    victim.agent.freeze()
    node = rest.wait(victim, OFFLINE_SECONDS + SLACK_SECONDS, is_("offline"))
    assert "answer" in node["status_reason"]


def test_an_agent_that_comes_back_is_online_at_the_next_poll(victim, rest):
    victim.agent.kill()
    rest.wait(victim, OFFLINE_SECONDS, lambda node: node["failures"] > 0)
    victim.agent.start()
    node = rest.wait(victim, RETRY_SECONDS, lambda node: node["failures"] == 0)
    assert node["status"] == "online"


def test_an_interface_that_is_down_makes_the_node_degraded_although_the_agent_answers(victim, rest):
    victim.run("wg-quick", "down", "wg0")
    try:
        node = rest.wait(victim, 30, is_("degraded"))
        assert "wg0" in node["status_reason"]
    finally:
        victim.run("wg-quick", "up", "wg0")


def test_a_wrong_secret_is_never_online_and_the_connection_test_says_so(victim, rest):
    path = f"nodes/{victim.identity.node_id}/"
    before = rest.node(victim)
    rest.call("PATCH", path, {"secret": "another secret of forty-one characters 42"})
    try:
        told = rest.call("POST", f"{path}test/")
        assert not told["ok"]
        assert "key" in told["detail"]
        node = rest.wait(victim, 30, lambda node: node["failures"] > 0)
        assert node["reported_at"] <= before["reported_at"] or node["status"] != "online"
        rest.wait(victim, OFFLINE_SECONDS, lambda node: node["status"] != "online")
    finally:
        rest.call("PATCH", path, {"secret": victim.identity.secret})


def test_a_node_that_reboots_is_online_again_with_a_new_boot_id(victim, rest):
    before = rest.node(victim)["health_json"]["boot_id"]
    victim.reboot()
    rest.call("POST", f"nodes/{victim.identity.node_id}/poll/", status=202)
    node = rest.wait(victim, RETRY_SECONDS, lambda node: node["health_json"]["boot_id"] != before)
    assert node["status"] == "online"
