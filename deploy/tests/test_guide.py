"""docs/deployment.md is walked: what it says leads from empty machines to a ping in a tunnel."""

import json
import re
import subprocess

import pytest

from deploy.tests.guide import ROOT, Machine, blocks
from lab.fleet import Fleet

PAGE = ROOT / "docs" / "deployment.md"
BLOCKS = list(blocks(PAGE))
MACHINES = ("panel", "node", "client", "systemd", "kubernetes")
ADDRESS, NETWORK = "10.50.0.7", "10.50.0.0/16"
LAB_NETWORK = "198.18.0.0/15"


def test_every_command_of_the_page_is_run_or_says_why_not():
    assert len(BLOCKS) > 20
    for block in BLOCKS:
        assert bool(block.machine) != bool(block.why), f"line {block.line}"
        assert block.machine in ("", *MACHINES), f"line {block.line}"
        for named in re.findall(r"[\w/]+\.(?:py|sh)\b", block.why):
            assert (ROOT / named).is_file(), named


def test_every_way_that_the_page_promises_is_there():
    text = PAGE.read_text()
    for heading in ("Prerequisites", "Bare", "systemd", "Compose", "Kubernetes", "Secrets",
                    "Firewall", "TLS and access", "Monitoring", "Logs", "Size",
                    "Backup and restore", "Upgrade", "Trouble"):  # fmt: skip
        assert f"\n## {heading}\n" in text


def test_caddy_accepts_the_configuration_that_the_page_gives(tmp_path):
    (block,) = re.findall(r"^```caddy\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    (tmp_path / "Caddyfile").write_text(block)
    words = ["caddy", "adapt", "--adapter", "caddyfile", "--config", tmp_path / "Caddyfile"]
    made = json.loads(subprocess.run(words, capture_output=True, check=True).stdout)
    (server,) = made["apps"]["http"]["servers"].values()
    assert server["listen"] == [":443"]
    assert "127.0.0.1:8000" in json.dumps(server)


@pytest.fixture
def machines(tmp_path):
    """Empty machines by name; panel, systemd and kubernetes are one after another the same host."""
    with Fleet(tmp_path, groups=("guide",), clients=1, agents=False, by_hand=False) as fleet:
        host = fleet.one_more_host("panel")
        host.make()
        node, client = fleet.nodes[0].host, fleet.clients[0].host
        addresses = {ADDRESS: node.address4, NETWORK: LAB_NETWORK}
        found = {
            name: Machine(it, addresses)
            for name, it in (("panel", host), ("node", node), ("client", client))
        }
        for machine in found.values():
            machine.make()
        yield {**found, "systemd": found["panel"], "kubernetes": found["panel"]}
        for machine in found.values():
            machine.stop()


def hand_over(machines):
    """What the page says in words: the secret and the id go to the node."""
    secret = machines["panel"].bash("cat /root/node-secret")
    node_id = machines["panel"].bash(". /root/.guide; echo -n $node_id")
    machines["node"].bash("umask 077; cat >/etc/wgpanel-agent/secret", secret)
    machines["node"].bash(f"echo 'node_id={node_id}' >/root/.guide")


def hand_out(machines):
    """The client gets its file."""
    file = machines["panel"].bash("cat /root/laptop.conf")
    machines["client"].bash("umask 077; cat >/etc/wireguard/laptop.conf", file)


@pytest.mark.lab
def test_whoever_follows_the_page_has_a_working_tunnel(machines):
    carries = {"node": hand_over, "client": hand_out}
    for block in BLOCKS:
        if block.machine in carries:
            carries.pop(block.machine)(machines)
        if block.machine:
            machines[block.machine].run(block)
    assert carries == {}
    assert "latest handshake" in machines["client"].bash("wg show laptop")
