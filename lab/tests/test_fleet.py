"""The fleet without agents: what a WireGuard server and its clients look like from outside."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.command import run
from lab.errors import CommandFailed, LabError
from lab.fleet import Fleet
from lab.tests.machine import processes
from lab.wireguard import handshakes

pytestmark = pytest.mark.lab

PATIENCE_SECONDS = 20.0


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Two nodes, two clients each, no agents."""
    folder = tmp_path_factory.mktemp("servers")
    with Fleet(folder, groups=("Europe", "Asia"), clients=4, agents=False) as fleet:
        fleet.wait_for_handshakes()
        yield fleet


def received_bytes(fleet: Fleet) -> dict[str, int]:
    lines = [
        line.split()
        for node in fleet.nodes
        for line in node.run("wg", "show", "wg0", "transfer").splitlines()
    ]
    return {key: int(received) for key, received, _ in lines}


def test_every_client_shakes_hands_with_its_node(servers: Fleet) -> None:
    assert all(client.has_handshake for client in servers.clients)


def test_every_node_knows_its_own_clients_only(servers: Fleet) -> None:
    for node in servers.nodes:
        own = {client.public_key for client in servers.clients if client.node is node}
        assert set(node.handshakes()) == own


def test_both_ends_agree_on_the_handshake(servers: Fleet) -> None:
    client = servers.clients[0]

    assert client.node.public_key in handshakes(client.host.namespace)


def test_clients_reach_their_nodes_over_ipv4_and_ipv6(servers: Fleet) -> None:
    endpoints = dict(
        line.split()
        for node in servers.nodes
        for line in node.run("wg", "show", "wg0", "endpoints").splitlines()
    )

    for client in servers.clients:
        host = client.host
        address = f"[{host.address6}]" if client.plan.uses_ipv6 else host.address4
        assert endpoints[client.public_key].startswith(f"{address}:")


@pytest.mark.parametrize("family", [0, 1])
def test_the_tunnel_carries_both_families(servers: Fleet, family: int) -> None:
    client = servers.clients[0]
    address = client.node.plan.addresses(1)[family]

    assert "1 received" in client.host.namespace.run("ping", "-c", "1", "-W", "5", address)


def test_a_node_forwards_between_its_clients(servers: Fleet) -> None:
    one, other = (c for c in servers.clients if c.node is servers.nodes[0])
    address = other.plan.interface_addresses()[0].split("/")[0]

    assert "1 received" in one.host.namespace.run("ping", "-c", "1", "-W", "5", address)


def test_traffic_moves_by_itself(servers: Fleet) -> None:
    before = received_bytes(servers)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while any(received <= before[key] for key, received in received_bytes(servers).items()):
        assert time.monotonic() < deadline, "a client is silent"
        time.sleep(0.2)


def test_a_node_sees_no_interface_but_its_own(servers: Fleet) -> None:
    seen = set(servers.nodes[0].run("ls", "/sys/class/net").split())

    assert seen - {"lo", "eth0", "wg0"} <= {"sit0", "ip6tnl0", "tunl0", "gre0", "erspan0"}


def test_a_node_sees_no_conf_but_its_own(servers: Fleet) -> None:
    node = servers.nodes[0]

    assert node.run("ls", "/etc/wireguard").split() == ["wg0.conf"]
    assert node.public_key in node.run("wg", "show", "wg0")


def test_the_conf_is_one_that_wg_quick_understands(servers: Fleet) -> None:
    assert servers.nodes[0].run("wg-quick", "strip", "wg0").count("[Peer]") == 2


@pytest.mark.parametrize("family", ["address4", "address6"])
def test_the_machine_reaches_the_nodes(servers: Fleet, family: str) -> None:
    address = getattr(servers.nodes[1].host, family)

    assert "1 received" in run(["ping", "-c", "1", "-W", "5", address])


def test_a_node_is_found_by_name_and_by_host(servers: Fleet) -> None:
    assert servers.node("asia-1") is servers.node("n2")


def test_an_unknown_node_is_an_error(servers: Fleet) -> None:
    with pytest.raises(LabError, match="no node mars-1"):
        servers.node("mars-1")


def test_a_node_without_power_has_no_interface(servers: Fleet) -> None:
    node = servers.nodes[1]
    node.power_off()
    try:
        with pytest.raises(CommandFailed):
            node.run("ip", "link", "show", "wg0")
        assert node.run("ls", "-A", "/run") == ""
    finally:
        node.power_on()


def test_a_reboot_brings_the_same_server_with_a_new_boot_id(servers: Fleet) -> None:
    node = servers.nodes[1]
    boot_id = node.run("cat", "/proc/sys/kernel/random/boot_id")
    peers = set(node.handshakes())

    node.power_off()
    node.power_on()

    assert node.run("cat", "/proc/sys/kernel/random/boot_id") != boot_id
    assert set(node.handshakes()) == peers
    assert node.run("wg", "show", "wg0", "public-key").strip() == node.public_key


def test_a_reboot_of_one_node_leaves_the_others_alone(servers: Fleet) -> None:
    other = servers.nodes[0]
    pids = other.run("ip", "-details", "link", "show", "wg0")

    servers.nodes[1].power_off()
    servers.nodes[1].power_on()

    assert other.run("ip", "-details", "link", "show", "wg0") == pids


def test_boot_ids_differ_between_nodes_and_from_the_machine(servers: Fleet) -> None:
    path = "/proc/sys/kernel/random/boot_id"
    ids = {node.run("cat", path).strip() for node in servers.nodes}

    assert len(ids | {Path(path).read_text().strip()}) == 3


def test_two_labs_run_side_by_side(servers: Fleet, tmp_path: Path) -> None:
    with Fleet(tmp_path, clients=1, agents=False) as other:
        other.wait_for_handshakes()
        assert other.nodes[0].host.instance != servers.nodes[0].host.instance

    assert servers.nodes[0].handshakes()


def test_a_closed_fleet_leaves_not_even_a_zombie(tmp_path: Path) -> None:
    with Fleet(tmp_path, clients=1, agents=False) as fleet:
        pids = processes(fleet.nodes[0].host.instance)

    assert pids
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_a_fleet_started_again_in_its_folder_has_the_same_nodes(tmp_path: Path) -> None:
    with Fleet(tmp_path, agents=False) as first:
        identity, key = first.nodes[0].identity, first.nodes[0].public_key

    with Fleet(tmp_path, agents=False) as second:
        assert second.nodes[0].identity == identity
        assert second.nodes[0].run("wg", "show", "wg0", "public-key").strip() == key
