"""Which routes an interface wants for the networks behind its peers."""

from typing import Any

from wgpanel_agent.documents import InterfacePart, PeerPart
from wgpanel_agent.host.iproute import Route
from wgpanel_agent.host.routing import WantedRoutes

KEY = "/Ap3XpSpIW7CKYLWpRXY0OHD8uByjgmOU+YWns/p9lE="
OTHER_KEY = "J25dJebdR+na7Q72fDo/PyVmsx9a2c3bRpZrrpvu2TM="


def make_part(**fields: Any) -> InterfacePart:
    addresses = ("10.8.0.1/24", "fd00::1/64")
    return InterfacePart(**{"listen_port": 51820, "addresses": addresses, **fields})


def wanted(*allowed_ips: str, **fields: Any) -> frozenset[Route]:
    return WantedRoutes().of(make_part(**fields), {KEY: PeerPart(KEY, allowed_ips)}, now=0)


def test_addresses_of_the_pool_need_no_route() -> None:
    assert wanted("10.8.0.2/32", "10.8.0.128/25", "fd00::2/128", "fd00::/64") == set()


def test_networks_behind_a_peer_need_one() -> None:
    assert wanted("10.8.0.2/32", "10.8.1.0/24", "fd00:0:0:1::/64", "10.0.0.0/8") == {
        Route("10.8.1.0/24"),
        Route("fd00:0:0:1::/64"),
        Route("10.0.0.0/8"),
    }


def test_the_nodes_own_way_out_is_never_taken() -> None:
    assert wanted("0.0.0.0/0", "::/0") == set()


def test_without_a_table_there_are_no_routes() -> None:
    assert wanted("192.168.5.0/24", table="off") == set()


def test_a_table_of_its_own_leads_to_the_pool_as_well() -> None:
    assert wanted("10.8.0.2/32", "192.168.5.0/24", table=99) == {
        Route("10.8.0.0/24", "99"),
        Route("fd00::/64", "99"),
        Route("192.168.5.0/24", "99"),
    }


def test_a_delta_moves_the_routes_of_its_own_peers() -> None:
    routes, part = WantedRoutes(), make_part()
    peers = {KEY: PeerPart(KEY, ("10.9.0.0/24",)), OTHER_KEY: PeerPart(OTHER_KEY, ("10.8.0.2/32",))}
    assert routes.of(part, peers, now=0) == {Route("10.9.0.0/24")}
    moved = {KEY: PeerPart(KEY, ()), OTHER_KEY: PeerPart(OTHER_KEY, ("10.9.0.0/25",))}
    assert routes.of(part, moved, now=0) == {Route("10.9.0.0/25")}
    assert routes.of(part, {KEY: moved[KEY]}, now=0) == set()


def test_other_addresses_of_the_interface_change_what_lies_beyond() -> None:
    routes, peers = WantedRoutes(), {KEY: PeerPart(KEY, ("10.9.0.0/24",))}
    assert routes.of(make_part(), peers, now=0) == {Route("10.9.0.0/24")}
    assert routes.of(make_part(addresses=("10.9.0.1/16",)), peers, now=0) == set()
    assert routes.of(make_part(), peers, now=0) == {Route("10.9.0.0/24")}
    assert routes.of(make_part(addresses=("10.7.0.1/16",)), {}, now=0) == set()


def test_an_expired_peer_has_no_route() -> None:
    peers = {KEY: PeerPart(KEY, ("10.9.0.0/24",), expires_at=100)}
    routes = WantedRoutes()
    assert len(routes.of(make_part(), peers, now=99)) == 1
    assert routes.of(make_part(), peers, now=100) == set()
