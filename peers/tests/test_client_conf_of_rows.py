"""What the rows of a peer and its interface say goes into its file."""

import pytest
from django.utils import timezone

from nodes.tests.builders import make_node
from peers.configuration.client_conf import NoClientConf, for_peer, render
from peers.models import Peer
from peers.tests.builders import make_interface, make_key, make_peer

pytestmark = pytest.mark.django_db


def make_file(**fields):
    """Return the file of a peer whose interface has these fields."""
    return render(for_peer(make_peer(interface=make_interface(**fields), private_key=make_key())))


def test_a_file_has_both_addresses_and_what_the_interface_says():
    text = make_file(dns="192.0.2.53, corp.example", mtu=1380, endpoint_port=443)
    assert "Address = 10.20.0.2/32, fd12:3456:789a::2/128\n" in text
    assert "DNS = 192.0.2.53, corp.example\n" in text
    assert "MTU = 1380\n" in text
    assert "Endpoint = vpn.example.net:443\n" in text
    assert "AllowedIPs = 0.0.0.0/0, ::/0\n" in text
    assert "PersistentKeepalive = 25\n" in text


def test_the_endpoint_is_the_host_of_the_agent_and_the_listen_port_unless_it_is_set():
    node = make_node(agent_url="http://[2001:db8::9]:8080")
    assert "Endpoint = [2001:db8::9]:51820\n" in make_file(node=node, endpoint_host="")


def test_what_the_interface_does_not_say_is_not_written():
    text = make_file(dns="", mtu=None, keepalive=0)
    assert [word for word in ("DNS", "MTU", "PersistentKeepalive", "None") if word in text] == []


def test_an_interface_without_ipv4_makes_a_file_without_ipv4():
    text = make_file(pool_v4="")
    assert "Address = fd12:3456:789a::2/128\n" in text
    assert "AllowedIPs = ::/0\n" in text


def test_an_interface_without_ipv6_still_takes_ipv6_into_the_tunnel_so_that_none_leaks():
    text = make_file(pool_v6="")
    assert "Address = 10.20.0.2/32\n" in text
    assert "AllowedIPs = 0.0.0.0/0, ::/0\n" in text


def test_a_key_that_was_just_made_comes_before_a_stored_one():
    peer, fresh = make_peer(private_key=make_key()), make_key()
    assert for_peer(peer, private_key=fresh).private_key == fresh
    assert for_peer(peer).private_key == peer.private_key.reveal()
    assert for_peer(make_peer()).is_complete is False


def test_an_address_that_was_given_back_is_not_in_the_file():
    peer = make_peer()
    peer.addresses.filter(family=6).update(released_at=timezone.now())
    assert for_peer(peer).addresses == ("10.20.0.2/32",)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"public_key": ""}, "has not made the key"),
        ({"client_allowed_ips": ""}, "AllowedIPs is empty|nothing would go"),
        ({"client_allowed_ips": "0.0.0.0/0,, ::/0"}, "empty element"),
        ({"dns": "192.0.2.53\nPostUp = id"}, "DNS"),
        ({"endpoint_host": "vpn.example\n[Peer]"}, "Endpoint"),
        ({"pool_v4": "", "client_allowed_ips": "10.0.0.0/8"}, "nothing would"),
    ],
)
def test_there_is_no_file_where_it_could_not_work_and_the_reason_is_told(fields, reason):
    with pytest.raises(NoClientConf, match=reason):
        make_file(**fields)


def test_a_locked_key_is_told_and_not_left_out(settings):
    peer = make_peer()
    settings.WGPANEL_FIELD_KEYS = (make_key(),)
    with pytest.raises(NoClientConf, match="locked"):
        for_peer(Peer.objects.get(pk=peer.pk))
