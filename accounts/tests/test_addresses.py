"""The address of a client is what our own proxies saw, whatever the client claims."""

import pytest

from accounts.addresses import UNKNOWN, client_address, client_network


def ask(rf, remote, forwarded=None):
    headers = {} if forwarded is None else {"x-forwarded-for": forwarded}
    return rf.get("/", headers=headers, REMOTE_ADDR=remote)


@pytest.mark.parametrize(
    ("proxies", "forwarded", "seen"),
    [
        (0, None, "192.0.2.1"),
        (0, "198.51.100.9", "192.0.2.1"),
        (1, "198.51.100.9", "198.51.100.9"),
        (1, "203.0.113.66, 198.51.100.9", "198.51.100.9"),
        (2, "203.0.113.66, 198.51.100.9, 10.0.0.1", "198.51.100.9"),
        (2, "198.51.100.9", "198.51.100.9"),
        (1, None, "192.0.2.1"),
        (1, "", "192.0.2.1"),
        (1, "<script>", "192.0.2.1"),
        (1, "2001:DB8::7", "2001:db8::7"),
        (1, "::ffff:198.51.100.9", "198.51.100.9"),
    ],
)
def test_only_what_our_own_proxies_saw_is_believed(rf, settings, proxies, forwarded, seen):
    settings.TRUSTED_PROXIES = proxies
    assert client_address(ask(rf, "192.0.2.1", forwarded)) == seen


def test_a_server_on_a_unix_socket_knows_no_address(rf, settings):
    settings.TRUSTED_PROXIES = 0
    assert client_address(ask(rf, "")) == client_network(ask(rf, "")) == UNKNOWN


@pytest.mark.parametrize(
    ("remote", "network"),
    [("192.0.2.1", "192.0.2.1"), ("2001:db8:0:7::9", "2001:db8:0:7::/64")],
)
def test_a_limit_is_for_one_ipv4_address_or_one_ipv6_64(rf, settings, remote, network):
    settings.TRUSTED_PROXIES = 0
    assert client_network(ask(rf, remote)) == network
