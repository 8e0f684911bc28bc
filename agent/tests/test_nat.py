"""The nftables table of an interface, rendered from typed options."""

from pathlib import Path
from typing import Any

import pytest
from wgpanel_agent.documents import InterfacePart
from wgpanel_agent.host.nat import file_of, is_wanted, removal, render


def make_part(**fields: Any) -> InterfacePart:
    addresses = ("10.8.0.1/24", "fd00::1/64")
    return InterfacePart(**{"listen_port": 51820, "addresses": addresses, **fields})


def rules(**fields: Any) -> list[str]:
    return [line.strip() for line in render("wg0", make_part(**fields)).splitlines()]


def test_the_table_is_replaced_in_one_transaction() -> None:
    lines = rules(forward=True)
    assert lines[1:4] == [
        "add table inet wgpanel_wg0",
        "delete table inet wgpanel_wg0",
        "table inet wgpanel_wg0 {",
    ]


def test_masquerading_is_for_the_interfaces_networks_out_of_any_other_interface() -> None:
    assert rules(masquerade=True)[4:] == [
        "chain postrouting {",
        "type nat hook postrouting priority srcnat; policy accept;",
        'ip saddr 10.8.0.0/24 oifname != "wg0" masquerade',
        'ip6 saddr fd00::/64 oifname != "wg0" masquerade',
        "}",
        "}",
    ]


def test_masquerading_may_be_limited_to_one_way_out() -> None:
    lines = rules(masquerade=True, out_interface="eth0.1")
    assert 'ip saddr 10.8.0.0/24 oifname "eth0.1" masquerade' in lines


def test_forwarding_accepts_both_ways() -> None:
    lines = rules(forward=True)
    assert lines[6:8] == ['iifname "wg0" accept', 'oifname "wg0" accept']
    assert not [line for line in lines if "masquerade" in line]


def test_two_addresses_of_one_network_make_one_rule() -> None:
    lines = rules(masquerade=True, addresses=("10.8.0.1/24", "10.8.0.2/24"))
    assert len([line for line in lines if "masquerade" in line]) == 1


def test_nothing_wanted_is_a_removal() -> None:
    assert render("wg0", make_part()) == removal("wg0")
    assert "table inet wgpanel_wg0 {" not in removal("wg0")


@pytest.mark.parametrize(("forward", "masquerade"), [(True, False), (False, True), (False, False)])
def test_either_option_wants_a_table(forward: bool, masquerade: bool) -> None:
    part = make_part(forward=forward, masquerade=masquerade)
    assert is_wanted(part) == (forward or masquerade)


def test_names_that_differ_have_tables_and_files_that_differ() -> None:
    assert removal("wg-a") != removal("wg_a")
    assert file_of(Path("/etc/wireguard"), "wg-a").name == "wg-a.wgpanel.nft"
