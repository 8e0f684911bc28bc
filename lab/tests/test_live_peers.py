"""One peer comes, is disabled and goes among fifty that are talking: they notice nothing."""

import re
import time

import pytest
import requests

from lab import by_panel
from lab.crowd import SECONDS_BETWEEN_PINGS, Crowd
from lab.fixtures import NEEDS, require
from lab.fleet import Fleet
from lab.manage import manage

pytestmark = pytest.mark.lab
LIVE = 50
SETTLED = 8  # pings of each client before the first change, and after the last
FORGET = "from nodes.models import Interface; Interface.objects.update(observed_hash='')"
DELTAS = re.compile(
    r'^wgpanel_agent_requests_total{route="/v1/wg/{iface}/peers",code="200"} (\d+)', re.M
)


@pytest.fixture(scope="module")
def node(panel, rest, tmp_path_factory):
    """A node with an interface from the panel, and a machine for its clients."""
    require(NEEDS["lab"]())
    with Fleet(tmp_path_factory.mktemp("live"), groups=("Live",), clients=1, by_hand=False) as it:
        node = it.nodes[0]
        rest.enlist(node)
        rest.wait(node, 30, lambda told: told["status"] == "online")
        by_panel.give_interfaces(rest, it)
        node.clients_host = it.clients[0].host
        yield node
        manage(panel.state_dir, "fleet_fsck")


@pytest.fixture(scope="module")
def crowd(rest, node):
    wishes = [wish(node, f"live-{number}") for number in range(LIVE)]
    files = [rest.call("POST", "peers/", each, 201)["config"] for each in wishes]
    settle(rest, node)
    crowd = Crowd(node.clients_host, files, node.plan.addresses(1)[1])
    crowd.start()
    yield crowd
    crowd.stop()


def wish(node, name):
    return {"name": name, "node": node.identity.node_id, "keys": "panel"}


def settle(rest, node):
    by_panel.in_sync(rest, by_panel.interface_of(rest, node)["id"])


def wait_for_pings(crowd, more):
    """Wait until each client has had so many more answers than now."""
    goals = [len(seen) + more for seen in crowd.answered()]
    deadline = time.monotonic() + 30 + more * SECONDS_BETWEEN_PINGS
    while any(len(seen) < goal for seen, goal in zip(crowd.answered(), goals, strict=True)):
        assert time.monotonic() < deadline, [len(seen) for seen in crowd.answered()]
        time.sleep(0.2)


def sessions(node):
    """Handshake, received and sent bytes of each peer that has a session, by key."""
    rows = [line.split("\t") for line in node.run("wg", "show", "wg0", "dump").splitlines()[1:]]
    return {row[0]: tuple(map(int, row[4:7])) for row in rows if row[4] != "0"}


def deltas(node):
    """How many the agent has applied."""
    text = requests.get(f"{node.agent.url}/v1/metrics", timeout=10).text
    return sum(map(int, DELTAS.findall(text)))


def lost(seen):
    """Of one client, the pings without an answer between its first and its last answered one."""
    return sorted(set(range(seen[0], seen[-1] + 1)) - set(seen))


@pytest.mark.parametrize("whole", [False, True], ids=["deltas", "whole documents"])
def test_the_others_lose_no_ping_and_no_session(panel, rest, node, crowd, whole):
    def act(method, path, status=200, body=None):
        if whole:  # the panel no longer knows what the node has: it must say everything
            manage(panel.state_dir, "shell", "-c", FORGET)
        answer = rest.call(method, path, body, status)
        settle(rest, node)
        return answer

    wait_for_pings(crowd, SETTLED)
    before, deltas_before = sessions(node), deltas(node)
    assert len(before) == LIVE
    guest = act("POST", "peers/", 201, wish(node, f"guest-{whole}"))
    assert guest["public_key"] in node.peers()
    act("POST", f"peers/{guest['id']}/disable/")
    assert guest["public_key"] not in node.peers()
    act("POST", f"peers/{guest['id']}/enable/")
    assert guest["public_key"] in node.peers()
    act("DELETE", f"peers/{guest['id']}/", 204)
    assert guest["public_key"] not in node.peers()
    wait_for_pings(crowd, SETTLED)
    assert deltas(node) - deltas_before == (0 if whole else 4)
    assert [lost(seen) for seen in crowd.answered()] == [[]] * LIVE
    assert_went_on(before, sessions(node))


def assert_went_on(before, after):
    """No session was made anew, and every counter has grown."""
    assert {key: row[0] for key, row in after.items()} == {
        key: row[0] for key, row in before.items()
    }
    for key, (_, received, sent) in before.items():
        assert after[key][1] > received
        assert after[key][2] > sent
