"""Real agents on real nodes, asked from the machine as a panel asks them."""

import http.client
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from wgpanel_agent import protocol

from lab.agent import PORT
from lab.errors import LabError
from lab.fleet import Fleet
from lab.node import Node

pytestmark = pytest.mark.lab


@pytest.fixture
def victim(fleet: Fleet) -> Iterator[Node]:
    """A node whose agent may be hurt; healthy again afterwards."""
    node = fleet.nodes[0]
    yield node
    if not node.agent.is_running:
        node.agent.start()
    node.agent.thaw()
    node.agent.wait_until_healthy()


def signed_status(node: Node) -> dict[str, Any]:
    """The report of GET /v1/status, believed only if its signature is right."""
    secret = node.identity.secret.encode()
    keys = protocol.derive_keys(node.identity.node_id, 1, secret)
    authority = f"{node.host.address4}:{PORT}"
    request = protocol.sign_request(
        keys, method="GET", authority=authority, path="/v1/status", now=time.time()
    )
    connection = http.client.HTTPConnection(authority, timeout=10)
    connection.request("GET", "/v1/status", headers=request.headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    headers = [(name.encode(), value.encode()) for name, value in answer.getheaders()]
    protocol.verify_response(
        keys, request.binding, status=answer.status, headers=headers, body=body
    )
    return json.loads(body)


def test_every_agent_is_healthy(fleet: Fleet) -> None:
    assert all(node.agent.is_healthy for node in fleet.nodes)


def test_an_agent_reports_the_node_it_stands_on(fleet: Fleet) -> None:
    node = fleet.nodes[1]
    report = signed_status(node)

    interface = report["wireguard"]["interfaces"]["wg0"]
    assert interface["public_key"] == node.public_key
    assert (interface["status"], interface["active_peers"]) == ("up", 1)
    assert report["boot_id"] == node.run("cat", "/proc/sys/kernel/random/boot_id").strip()


def test_a_killed_agent_is_missed_on_its_node_only(victim: Node, fleet: Fleet) -> None:
    victim.agent.kill()

    assert not victim.agent.is_healthy
    assert fleet.nodes[1].agent.is_healthy


def test_a_stopped_agent_comes_back(victim: Node) -> None:
    victim.agent.stop()
    assert not victim.agent.is_healthy

    victim.agent.start()
    victim.agent.wait_until_healthy()
    assert signed_status(victim)["status"] == "ok"


def test_a_frozen_agent_answers_again_when_it_is_thawed(victim: Node) -> None:
    victim.agent.freeze()
    assert not victim.agent.is_healthy

    victim.agent.thaw()
    victim.agent.wait_until_healthy()
    assert victim.agent.is_running


def test_a_restart_of_the_agent_leaves_the_tunnels_alone(victim: Node) -> None:
    before = victim.handshakes()
    interface = victim.run("ip", "link", "show", "wg0")

    victim.agent.restart()

    assert victim.handshakes() == before
    assert victim.run("ip", "link", "show", "wg0") == interface


def test_a_reboot_brings_the_agent_back_with_a_new_boot_id(victim: Node) -> None:
    before = signed_status(victim)["boot_id"]

    victim.reboot()

    assert signed_status(victim)["boot_id"] != before


def test_an_agent_that_cannot_start_says_why(victim: Node) -> None:
    victim.agent.stop()
    secret = victim.host.folder / "secret"
    secret.write_text("changeme")
    try:
        victim.agent.start()
        with pytest.raises(LabError, match="shorter than 32 bytes"):
            victim.agent.wait_until_healthy()
    finally:
        victim.agent.write_secret()
