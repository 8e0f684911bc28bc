"""The panel knows who holds which file, and whose is outdated."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from nodes.models import Interface
from peers.configuration import delivery
from peers.configuration.client_conf import NoClientConf
from peers.models import Peer
from peers.tests.builders import make_interface, make_key, make_peer

pytestmark = pytest.mark.django_db


def outdated():
    return set(Peer.objects.outdated())


def make_holder(**fields):
    """Save a peer whose file was handed out."""
    peer = make_peer(**fields)
    delivery.deliver(peer)
    return peer


def change(interface, **fields):
    """Change an interface as the panel does: a row read anew, saved, its fingerprint kept."""
    row = Interface.objects.get(pk=interface.pk)
    for name, value in fields.items():
        setattr(row, name, value)
    row.save()
    return delivery.interface_changed(row)


def test_a_file_is_handed_out_under_its_name_and_noted():
    peer = make_peer(name="Zoë")
    file = delivery.deliver(peer, private_key=make_key())
    assert file.name == "Zoe.conf"
    assert file.text.startswith("[Interface]\n")
    assert file.conf.is_complete
    stored = Peer.objects.get(pk=peer.pk)
    assert stored.delivered_at is not None
    assert len(stored.delivered_fingerprint) == 64


def test_a_preview_is_no_delivery():
    peer = make_peer()
    delivery.file_of(peer)
    assert Peer.objects.get(pk=peer.pk).delivered_at is None


def test_where_there_is_no_file_nothing_is_noted():
    peer = make_peer(interface=make_interface(public_key=""))
    with pytest.raises(NoClientConf):
        delivery.deliver(peer)
    assert Peer.objects.get(pk=peer.pk).delivered_fingerprint == ""


@pytest.mark.parametrize(
    "changed",
    [
        {"endpoint_host": "new.example.net"},
        {"endpoint_port": 443},
        {"listen_port": 51999},
        {"public_key": make_key()},
        {"dns": "192.0.2.53"},
        {"mtu": 1380},
        {"client_allowed_ips": "10.0.0.0/8"},
        {"keepalive": 0},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_what_a_file_says_of_the_interface_makes_all_its_holders_outdated(changed):
    interface = make_interface()
    holders = {make_holder(interface=interface) for _ in range(2)}
    make_peer(interface=interface)
    make_holder()
    assert outdated() == set()
    assert change(interface, **changed) is True
    assert outdated() == holders


@pytest.mark.parametrize("changed", [{"policy": "observe"}, {"fwmark": 7}, {"masquerade": False}])
def test_what_is_not_in_a_file_outdates_nobody(changed):
    peer = make_holder()
    assert change(peer.interface, **changed) is False
    assert outdated() == set()


def test_an_endpoint_that_is_the_agents_host_follows_the_agent():
    interface = make_interface(endpoint_host="")
    peer = make_holder(interface=interface)
    interface.node.agent_url = "http://198.18.0.9:8080"
    interface.node.save()
    assert change(interface) is True
    assert outdated() == {peer}


def test_going_back_to_what_was_delivered_outdates_nobody():
    peer = make_holder()
    change(peer.interface, mtu=1380)
    change(peer.interface, mtu=None)
    assert outdated() == set()


def test_a_new_file_makes_its_holder_up_to_date():
    peer = make_holder()
    change(peer.interface, mtu=1380)
    delivery.deliver(Peer.objects.get(pk=peer.pk))
    assert outdated() == set()


@pytest.mark.parametrize("key", ["public_key", "preshared_key"])
def test_another_key_of_the_peer_outdates_its_own_file_alone(key):
    peer = make_holder()
    make_holder(interface=peer.interface)
    setattr(peer, key, make_key())
    peer.save()
    assert delivery.peer_changed(peer) is True
    assert outdated() == {peer}


def test_another_address_of_the_peer_outdates_its_file():
    peer = make_holder()
    peer.addresses.filter(family=4).update(offset=99)
    assert delivery.peer_changed(peer) is True
    assert outdated() == {peer}


def test_a_name_or_a_tag_outdates_nothing():
    peer = make_holder()
    peer.name = "other"
    peer.save()
    assert delivery.peer_changed(peer) is False
    assert outdated() == set()


def test_a_change_between_rendering_and_noting_is_not_lost():
    peer = make_peer()
    delivery.interface_changed(peer.interface)
    delivery.file_of(peer)
    change(peer.interface, mtu=1380)
    delivery.note_delivered([peer])
    assert outdated() == {peer}


def test_a_new_key_of_the_panel_outdates_nobody(settings):
    peer = make_holder()
    settings.WGPANEL_FIELD_KEYS = (make_key(), *settings.WGPANEL_FIELD_KEYS)
    assert delivery.peer_changed(Peer.objects.get(pk=peer.pk)) is False


def test_the_fingerprint_says_nothing_of_the_preshared_key(settings):
    peer = make_holder()
    before = peer.client_fingerprint
    settings.WGPANEL_FIELD_KEYS = (make_key(),)
    delivery.peer_changed(peer)
    assert peer.client_fingerprint != before


def test_outdated_holders_are_one_query_and_many_are_noted_by_few():
    interface = make_interface()
    peers = [make_peer(interface=interface) for _ in range(5)]
    delivery.interface_changed(interface)
    with CaptureQueriesContext(
        connection,
    ) as noted:
        delivery.note_delivered(
            Peer.objects.select_related("interface__node").prefetch_related("addresses__interface")
        )
    assert len(noted) <= 6
    change(interface, mtu=1380)
    with CaptureQueriesContext(connection) as asked:
        assert outdated() == set(peers)
    assert len(asked) == 1
