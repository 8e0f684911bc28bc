"""What clients may be told: hosts, name servers and routes."""

import pytest
from wgpanel_agent.documents import InvalidDocument

from nodes import client_fields


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("VPN.example.com", "vpn.example.com"),
        ("localhost", "localhost"),
        ("198.51.100.7", "198.51.100.7"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("4.pool.example", "4.pool.example"),
    ],
)
def test_a_host_is_kept_in_one_spelling(given, kept):
    assert client_fields.host(given) == kept


@pytest.mark.parametrize(
    "given",
    [
        "", " ", "vpn.example.com.", "vpn..example", "-a.example", "a-.example", "a_b.example",
        "a" * 64, ".".join(["a" * 60] * 5), "127.1", "0x7f000001", "2130706433", "1.2.3.256",
        "192.0.2.1/32", "fe80::1%eth0", "fe80::1%a\n[Peer]", "::ffff:192.0.2.1", "[2001:db8::1]",
        "vpn.example\n", "vpn.example\tPostUp", "$(touch pwned)", "müller.example",
        "\u212a.example", "a b", None, 7, ["a"],
    ],
)  # fmt: skip
def test_what_is_no_host_is_refused_by_the_name_of_its_field(given):
    with pytest.raises(InvalidDocument, match="^endpoint_host: "):
        client_fields.host(given)


def test_name_servers_may_be_addresses_and_search_domains():
    given = ["192.0.2.53", "2001:DB8::53", "corp.example"]
    assert client_fields.name_servers(given) == ("192.0.2.53", "2001:db8::53", "corp.example")


@pytest.mark.parametrize("given", [["192.0.2.53"] * 2, [f"192.0.2.{n}" for n in range(5)], [""]])
def test_name_servers_are_few_and_different(given):
    with pytest.raises(InvalidDocument, match=r"^dns"):
        client_fields.name_servers(given)


@pytest.mark.parametrize("given", ["192.0.2.9/24", "0.0.0.0/0; id", "192.0.2.0/255.255.255.0"])
def test_a_route_is_a_network_without_host_bits(given):
    with pytest.raises(InvalidDocument, match=r"^client_allowed_ips\[0\]"):
        client_fields.routes([given])


def test_there_are_at_most_256_routes():
    networks = [f"10.{n}.0.0/16" for n in range(256)]
    assert len(client_fields.routes(networks)) == 256
    with pytest.raises(InvalidDocument, match="more than 256"):
        client_fields.routes([*networks, "11.0.0.0/8"])


@pytest.mark.parametrize(("text", "found"), [("", []), ("  ", []), ("a , b,c", ["a", "b", "c"])])
def test_a_list_is_split_at_commas_whatever_the_blanks(text, found):
    assert client_fields.elements(text, "dns") == found


@pytest.mark.parametrize("text", [",", "a,,b", "a,", " , a"])
def test_an_empty_element_of_a_list_is_an_error(text):
    with pytest.raises(InvalidDocument, match="^dns: has an empty element"):
        client_fields.elements(text, "dns")
