"""Routes of the agent: which are wanted, how they are written, how they are known again."""

from typing import Any

import pytest
from wgpanel_agent.documents import InterfacePart, PeerPart
from wgpanel_agent.iproute import Route, parse_routes, route_line, wanted_routes

KEY = "/Ap3XpSpIW7CKYLWpRXY0OHD8uByjgmOU+YWns/p9lE="


def wanted(*allowed_ips: str, **fields: Any) -> set[Route]:
    addresses = ("10.8.0.1/24", "fd00::1/64")
    part = InterfacePart(**{"listen_port": 51820, "addresses": addresses, **fields})
    return wanted_routes(part, [PeerPart(KEY, allowed_ips)])


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


@pytest.mark.parametrize(
    ("route", "line"),
    [
        (Route("10.9.0.0/24"), "-4 route add 10.9.0.0/24 dev wg0 proto 87 table main"),
        (Route("fd09::/64", "99"), "-6 route add fd09::/64 dev wg0 proto 87 table 99"),
    ],
)
def test_a_line_names_family_interface_mark_and_table(route: Route, line: str) -> None:
    assert route_line("add", "wg0", route) == line


def test_what_ip_prints_is_read_in_full() -> None:
    text = (
        '[{"dst":"10.9.1.0/24","table":"99","scope":"link","flags":[]},{"dst":"10.9.0.4"},'
        '{"dst":"fd01::7","metric":1024,"pref":"medium"}]'
    )
    assert parse_routes(text) == {
        Route("10.9.1.0/24", "99"),
        Route("10.9.0.4/32"),
        Route("fd01::7/128"),
    }
    assert parse_routes("") == set()
