"""Client files as people and other programs write them are read as `wg` reads them."""

import pytest
from wgpanel_agent.documents import InvalidDocument

from peers.configuration.client_conf import parse

KEY = "ZTOYDg/+qb99ymv41SZzRRZCJWOuS8A4NbpaYC0p1yY="
PRIVATE_KEY = "wBauK7DBRiwG00CVi8TAf5gy1k7sW4smiOzsV7ZDqHQ="
PLAIN = f"""[Interface]
PrivateKey = {PRIVATE_KEY}
Address = 192.0.2.44/32
[Peer]
PublicKey = {KEY}
AllowedIPs = 192.0.2.0/24
Endpoint = 203.0.113.9:51821
"""


def test_comments_behind_values_and_headers_are_dropped_and_blanks_do_not_matter():
    text = f"""[Interface] # my laptop
        PrivateKey={PRIVATE_KEY}# do not share
        address=192.0.2.3 , 2001:DB8:A::3/128# both
        [Peer]# server
        PublicKey = {KEY} # its key
        AllowedIPs=192.0.2.2/32,2001:db8:a::/64#both
        Endpoint=203.0.113.9:51821
        PersistentKeepalive = off
        """
    conf = parse(text)
    assert conf.addresses == ("192.0.2.3/32", "2001:db8:a::3/128")
    assert conf.allowed_ips == ("192.0.2.2/32", "2001:db8:a::/64")
    assert conf.keepalive is None
    assert conf.private_key == PRIVATE_KEY


def test_lines_may_end_as_windows_ends_them():
    assert parse(PLAIN.replace("\n", "\r\n")) == parse(PLAIN)


def test_an_empty_element_of_a_list_is_refused_with_the_number_of_its_line():
    text = PLAIN.replace("192.0.2.0/24", "192.0.2.0/24,,198.51.100.0/24")
    with pytest.raises(InvalidDocument, match="^line 6, AllowedIPs: has an empty element"):
        parse(text)


def test_an_ipv6_endpoint_in_brackets_is_read_in_its_one_spelling():
    conf = parse(PLAIN.replace("203.0.113.9", "[2001:DB8:ffff::99]"))
    assert (conf.endpoint_host, conf.endpoint_port) == ("2001:db8:ffff::99", 51821)


@pytest.mark.parametrize(
    "endpoint", ["2001:db8:ffff::98:51820", "[vpn.example]:1", "vpn.example", "vpn.example:", ":1",
                 "[2001:db8::1]", "vpn.example:99999999", "vpn.example:５"],
)  # fmt: skip
def test_an_endpoint_of_another_form_is_refused(endpoint):
    with pytest.raises(InvalidDocument, match="^line 7, Endpoint"):
        parse(PLAIN.replace("203.0.113.9:51821", endpoint))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("PostUp = id", "not a setting"),
        ("Table = off", "not a setting"),
        ("ListenPort = 1", "not a setting"),
        ("AllowedIPs", "not a setting"),
        ("[Peer]", "second time"),
        ("[Interface]", "second time"),
        ("AllowedIPs = 198.51.100.0/24", "second time"),
        ("[Peer", "neither"),
        ("[Server]", "neither"),
        ("# \r PostUp = id", "control character"),
        ("# \u2028 PostUp = id", "control character"),
        ("# \x00", "control character"),
    ],
)
def test_a_line_that_is_not_of_such_a_file_is_refused_with_its_number(line, problem):
    with pytest.raises(InvalidDocument, match=rf"^line 8: .*{problem}"):
        parse(PLAIN + line)


@pytest.mark.parametrize("key", ["PrivateKey", "Address", "PublicKey", "AllowedIPs", "Endpoint"])
def test_what_every_file_needs_is_missed_by_name(key):
    lines = [line for line in PLAIN.splitlines() if not line.startswith(key)]
    with pytest.raises(InvalidDocument, match=key):
        parse("\n".join(lines))


def test_a_file_without_end_is_not_read():
    with pytest.raises(InvalidDocument, match="more than 65536"):
        parse("#" * 65537)
