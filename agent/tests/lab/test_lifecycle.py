"""Interfaces come up, change and go on real WireGuard, and nothing else of the node moves."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from wgpanel_agent.desired.lifecycle import Lifecycle
from wgpanel_agent.desired.store import Store
from wgpanel_agent.documents import InterfacePart, PeerPart, State, WholeDocument, state_hash
from wgpanel_agent.files.conffile import ConfFiles
from wgpanel_agent.host.wireguard import WireGuard
from wgpanel_agent.http import HttpError

EPOCH = "3f0c8a52-6f0e-4f0a-9f57-0a4d3b7f1c11"
PART = InterfacePart(51820, ("10.8.0.1/24", "fd08::1/64"))
ROUTER = replace(PART, forward=True, masquerade=True)


class Node:
    """The agent's parts that make an interface, with a real journal, on a machine of the lab."""

    def __init__(self, box: Any, folder: Path, wireguard: WireGuard) -> None:
        self.box = box
        self.folder = folder
        self.wireguard = wireguard
        self.now = 100.0
        self.open()

    def open(self) -> None:
        """A fresh start of the agent."""
        self.store = Store(self.folder)
        self.files = ConfFiles(self.store, Path("/etc/wireguard"), clock=lambda: self.now)
        self.lifecycle = Lifecycle(
            self.store, self.wireguard, self.files, self.folder, clock=lambda: self.now
        )

    def restart(self) -> None:
        self.store.close()
        self.open()

    async def want(self, part: InterfacePart = PART, *peers: PeerPart, name: str = "wg0") -> None:
        """What the agent does with a document: refuse, commit, bring the link there."""
        self.lifecycle.refuse_conflicts(name, part)
        kept = self.store.interface(name)
        generation = kept.state.generation + 1 if kept else 1
        state = State(EPOCH, generation, state_hash(part, peers))
        self.store.commit_whole(name, WholeDocument(state, part, peers))
        if self.store.private_key(name) is None:
            self.store.keep_private_key(name, await self.wireguard.new_private_key())
        await self.lifecycle.ensure(name)
        await self.files.write(name)

    def addresses(self, name: str = "wg0") -> list[str]:
        shown = json.loads(self.box.run("ip", "-json", "address", "show", "dev", name))[0]
        found = [it for it in shown["addr_info"] if it["scope"] == "global"]
        return sorted(f"{it['local']}/{it['prefixlen']}" for it in found)

    def link(self, field: str) -> int:
        return int(json.loads(self.box.run("ip", "-json", "link", "show", "dev", "wg0"))[0][field])

    def everything_else(self) -> dict[str, Any]:
        """Of the node, but wg0."""
        links = [it for it in self.box.links() if it != "wg0"]
        shown = {it: self.box.run("ip", "address", "show", "dev", it) for it in links}
        routes = "".join(
            self.box.run("ip", family, "route", "show", "table", "all") for family in ("-4", "-6")
        )
        return shown | {
            "routes": [
                # A router has an anycast address on each link, RFC 4291 section 2.6.1.
                it
                for it in routes.splitlines()
                if "wg0" not in it and not it.startswith("anycast")
            ],
            "rules": self.box.run("ip", "rule"),
            "nft": self.box.run("nft", "list", "ruleset"),
            "files": str({it.name: it.read_bytes() for it in self.box.configs.iterdir()}),
        }


@pytest.fixture
def node(bare: Any, tmp_path: Path, wireguard_alone: WireGuard) -> Iterator[Node]:
    fresh = Node(bare, tmp_path / "state", wireguard_alone)
    yield fresh
    fresh.store.close()


async def test_an_interface_is_made_with_its_peers(node: Node, make_peer: Any) -> None:
    peer = make_peer(keepalive=25)
    await node.want(replace(PART, mtu=1380, fwmark=77), peer)
    assert node.addresses() == ["10.8.0.1/24", "fd08::1/64"]
    assert node.link("mtu") == 1380
    assert node.box.settings()[2:] == ["51820", "0x4d"]
    assert node.box.settings()[0] == node.store.private_key("wg0")
    assert list(node.box.peers()) == [peer.public_key]


async def test_nobody_who_has_expired_is_on_it(node: Node, make_peer: Any) -> None:
    gone, stays = make_peer(expires_at=100), make_peer(expires_at=101)
    await node.want(PART, gone, stays)
    assert list(node.box.peers()) == [stays.public_key]


async def test_its_file_is_taken_by_wg_quick_and_makes_the_same_again(
    node: Node, make_peer: Any
) -> None:
    """A plain boot without the agent."""
    peer = make_peer(allowed_ips=("10.8.0.2/32", "192.168.7.0/24"))
    await node.want(replace(ROUTER, mtu=1380), peer)
    file = node.box.configs / "wg0.conf"
    assert "[Peer]" in node.box.run("wg-quick", "strip", "wg0")
    assert file.stat().st_mode & 0o777 == 0o600
    before = seen(node)
    await node.lifecycle.down("wg0")
    assert not node.box.has("wg0")
    node.box.run("wg-quick", "up", "wg0")
    assert seen(node) == before
    node.box.run("wg-quick", "down", "wg0")
    assert "wgpanel_wg0" not in node.box.run("nft", "list", "tables")


def seen(node: Node) -> list[Any]:
    routes = node.box.run("ip", "route", "show", "dev", "wg0", "proto", "87")
    rules = node.box.run("nft", "list", "ruleset")
    return [
        node.addresses(),
        node.link("mtu"),
        node.box.settings(),
        node.box.peers(),
        routes,
        rules,
    ]


async def test_everything_else_is_as_it_was(node: Node, make_peer: Any) -> None:
    """A foreign WireGuard interface, addresses, routes, rules, nftables tables and files."""
    box = node.box
    box.add_interface("wg9", 51999)
    box.run("ip", "address", "add", "192.0.2.9/24", "dev", "wg9")
    box.run("ip", "route", "add", "198.51.100.0/24", "dev", "wg9")
    box.run("ip", "route", "add", "203.0.113.0/24", "dev", "wg9", "table", "99", "proto", "87")
    box.run("ip", "rule", "add", "from", "192.0.2.9", "table", "99")
    box.run(
        "nft", "add table inet mine; add chain inet mine x { type filter hook input priority 0; }"
    )
    (box.configs / "wg9.conf").write_text("[Interface]\nPostUp = echo mine\n")
    before = node.everything_else()
    peer = make_peer(allowed_ips=("10.8.0.2/32", "198.51.100.0/25"))
    await node.want(ROUTER, peer)
    await node.want(replace(PART, table=99), peer)
    await node.lifecycle.down("wg0")
    await node.lifecycle.up("wg0")
    await node.lifecycle.remove("wg0")
    (box.configs / "wg0.conf.removed-100").unlink()
    assert node.everything_else() == before


async def test_a_name_of_another_is_not_taken(node: Node) -> None:
    node.box.add_interface("wg0")
    with pytest.raises(HttpError) as refused:
        await node.want()
    assert (refused.value.status, refused.value.code) == (409, "not_managed")


async def test_a_port_of_another_is_not_taken(node: Node) -> None:
    node.box.add_interface("wg9", 51820)
    with pytest.raises(HttpError, match="UDP port 51820 is in use on this node"):
        await node.want()
    assert not node.box.has("wg0")


async def test_what_fails_half_way_is_undone_and_says_why(node: Node) -> None:
    with pytest.raises(HttpError) as failed:
        await node.want(replace(ROUTER, addresses=("10.8.0.1/24", "10.8.0.1/24")))
    assert failed.value.code == "start_failed"
    assert failed.value.detail.startswith("wg0 could not be started: wg-quick: ")
    assert node.box.links() == []
    assert node.box.run("nft", "list", "tables") == ""


async def test_port_addresses_and_mtu_change_while_it_runs(node: Node, make_peer: Any) -> None:
    await node.want(PART, make_peer())
    index = node.link("ifindex")
    node.box.run("ip", "address", "add", "192.0.2.77/32", "dev", "wg0")
    await node.want(replace(PART, addresses=("10.8.0.9/24", "fd08::1/64"), mtu=1400))
    assert node.addresses() == ["10.8.0.9/24", "192.0.2.77/32", "fd08::1/64"]
    assert node.link("mtu") == 1400
    assert node.link("ifindex") == index


async def test_an_address_taken_from_below_another_leaves_that_there(node: Node) -> None:
    """The kernel removes the secondary addresses of a network with its first."""
    await node.want(replace(PART, addresses=("10.8.0.1/24", "10.8.0.2/24", "10.8.0.3/24")))
    await node.want(replace(PART, addresses=("10.8.0.3/24", "10.8.0.4/24")))
    assert node.addresses() == ["10.8.0.3/24", "10.8.0.4/24"]


async def test_addresses_of_the_agent_are_known_again_after_a_restart(node: Node) -> None:
    await node.want()
    node.restart()
    node.box.run("ip", "address", "add", "192.0.2.77/32", "dev", "wg0")
    await node.want(replace(PART, addresses=("10.8.0.2/24",)))
    assert node.addresses() == ["10.8.0.2/24", "192.0.2.77/32"]


def routes(node: Node) -> list[str]:
    shown = json.loads(node.box.run("ip", "-json", "route", "show", "table", "all", "dev", "wg0"))
    return sorted(f"{it['dst']} {it.get('table', 'main')}" for it in shown if "type" not in it)


async def test_networks_behind_peers_are_routed_and_only_those_go_again(
    node: Node, make_peer: Any
) -> None:
    peer = make_peer(allowed_ips=("10.8.0.2/32", "192.168.7.0/24", "fd77::/64", "0.0.0.0/0"))
    await node.want(PART, peer)
    node.box.run("ip", "route", "add", "172.16.0.0/24", "dev", "wg0")
    assert {"192.168.7.0/24 main", "fd77::/64 main"} <= set(routes(node))
    assert "default main" not in routes(node)
    node.restart()
    await node.want(PART, replace(peer, allowed_ips=("10.8.0.2/32", "192.168.8.0/24")))
    found = [it for it in routes(node) if it.startswith(("192", "fd77", "172"))]
    assert found == ["172.16.0.0/24 main", "192.168.8.0/24 main"]


async def test_a_table_of_its_own_and_none_at_all(node: Node, make_peer: Any) -> None:
    peer = make_peer(allowed_ips=("10.8.0.2/32", "192.168.7.0/24"))
    await node.want(replace(PART, table=51821), peer)
    assert {"10.8.0.0/24 51821", "192.168.7.0/24 51821"} <= set(routes(node))
    await node.want(replace(PART, table="off"), peer)
    assert not [it for it in routes(node) if it.startswith("192") or "51821" in it]
    assert await node.lifecycle.differences("wg0") == []


async def test_a_route_of_another_is_neither_replaced_nor_removed(
    node: Node, make_peer: Any
) -> None:
    node.box.add_interface("wg9", 51999)
    node.box.run("ip", "route", "add", "192.168.7.0/24", "dev", "wg9")
    peer = make_peer(allowed_ips=("192.168.7.0/24", "192.168.8.0/24"))
    with pytest.raises(HttpError, match="File exists"):
        await node.want(PART, peer)
    assert "wg9" in node.box.run("ip", "route", "show", "192.168.7.0/24")


async def test_down_lasts_until_up_also_over_a_restart(node: Node, make_peer: Any) -> None:
    peer = make_peer()
    await node.want(ROUTER, peer)
    await node.lifecycle.down("wg0")
    node.restart()
    with pytest.raises(HttpError) as refused:
        await node.lifecycle.ensure("wg0")
    assert refused.value.code == "interface_down"
    assert node.box.links() == []
    assert "wgpanel_wg0" not in node.box.run("nft", "list", "tables")
    await node.lifecycle.up("wg0")
    assert list(node.box.peers()) == [peer.public_key]


async def test_a_reboot_brings_it_up_again_with_its_key(node: Node, make_peer: Any) -> None:
    await node.want(PART, make_peer())
    before = [node.box.settings(), node.box.peers(), node.addresses()]
    node.box.run("ip", "link", "delete", "dev", "wg0")
    node.restart()
    await node.lifecycle.ensure("wg0")
    assert [node.box.settings(), node.box.peers(), node.addresses()] == before


async def test_what_was_changed_by_hand_is_told_and_repaired(node: Node, make_peer: Any) -> None:
    await node.want(replace(ROUTER, mtu=1380), make_peer(allowed_ips=("192.168.7.0/24",)))
    assert await node.lifecycle.differences("wg0") == []
    node.box.run("ip", "address", "del", "10.8.0.1/24", "dev", "wg0")  # routes go with the last
    node.box.run("ip", "link", "set", "dev", "wg0", "mtu", "1300")
    node.box.run("nft", "flush", "ruleset")
    told = {it.field for it in await node.lifecycle.differences("wg0")}
    assert told == {"addresses", "mtu", "routes", "forward", "masquerade"}
    await node.lifecycle.ensure("wg0")
    assert await node.lifecycle.differences("wg0") == []


async def test_a_link_of_another_kind_under_a_managed_name_is_left_alone(node: Node) -> None:
    await node.want()
    node.box.run("ip", "link", "delete", "dev", "wg0")
    node.box.run("ip", "tuntap", "add", "wg0", "mode", "tun")
    with pytest.raises(HttpError, match="wg0 is not a WireGuard interface"):
        await node.lifecycle.ensure("wg0")
    assert node.addresses() == []


def ping(box: Any, address: str, count: int = 1) -> bool:
    words = box.inside("ping", "-n", "-c", str(count), "-i", "0.2", "-W", "5", address)
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


class Client:
    """A full-tunnel client: everything but its cable goes through the node."""

    def __init__(self, box: Any, node: Node, host: int) -> None:
        self.box = box
        self.public_key = box.add_interface("wg0", 51820)
        self.part = PeerPart(self.public_key, (f"10.8.0.{host}/32", f"fd08::{host}/128"))
        for address in (f"10.8.0.{host}/32", f"fd08::{host}/128"):
            box.run("ip", "address", "add", address, "dev", "wg0")
        box.run("ip", "route", "add", "default", "dev", "wg0")
        box.run("ip", "-6", "route", "add", "default", "dev", "wg0")

    def dial(self, server_key: str, port: int = 51820) -> None:
        peer = (
            f"[Peer]\nPublicKey = {server_key}\nEndpoint = 198.18.1.1:{port}\n"
            "AllowedIPs = 0.0.0.0/0, ::/0\nPersistentKeepalive = 1\n"
        )
        self.box.run("wg", "addconf", "wg0", "/dev/stdin", stdin=peer)


@pytest.fixture
def routed(site: Any, tmp_path: Path, wireguard_alone: WireGuard) -> Iterator[tuple[Node, Any]]:
    fresh = Node(site.node, tmp_path / "state", wireguard_alone)
    yield fresh, site
    fresh.store.close()


async def test_a_full_tunnel_client_reaches_a_host_behind_the_node_over_both_families(
    routed: tuple[Node, Any],
) -> None:
    node, site = routed
    client = Client(site.client, node, 2)
    await node.want(ROUTER, client.part)
    client.dial(node.box.settings()[1])
    for address in ("10.8.0.1", "fd08::1", "198.18.2.2", "fd18:2::2"):
        assert ping(site.client, address), address
    await node.want(PART, client.part)
    assert ping(site.client, "10.8.0.1")
    assert not ping(site.client, "198.18.2.2")


async def test_sessions_live_through_changes_of_the_interface(
    routed: tuple[Node, Any], make_peer: Any
) -> None:
    node, site = routed
    client = Client(site.client, node, 2)
    await node.want(ROUTER, client.part)
    client.dial(node.box.settings()[1])
    assert ping(site.client, "10.8.0.1")
    shaken = node.box.peers()[client.public_key][3]
    changed = replace(ROUTER, mtu=1380, addresses=("10.8.0.1/24", "fd08::1/64", "10.99.0.1/24"))
    await node.want(changed, client.part)
    assert ping(site.client, "198.18.2.2")
    assert node.box.peers()[client.public_key][3] == shaken


async def test_the_tunnel_outlives_the_agent(routed: tuple[Node, Any]) -> None:
    node, site = routed
    client = Client(site.client, node, 2)
    await node.want(ROUTER, client.part)
    client.dial(node.box.settings()[1])
    assert ping(site.client, "10.8.0.1")
    shaken = node.box.peers()[client.public_key][3]
    node.restart()
    await node.lifecycle.ensure("wg0")
    assert ping(site.client, "198.18.2.2")
    assert node.box.peers()[client.public_key][3] == shaken
