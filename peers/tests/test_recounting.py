"""Counting again finds nothing, or puts right what it finds and says so."""

import datetime as dt
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from nodes.models import Interface, Node
from peers import changing, removing
from peers.configuration import delivery
from peers.creation.creating import create
from peers.interfaces import shaping
from peers.many import bulk
from peers.models import Address, Peer
from peers.recounting import recount
from peers.tests.builders import make_interface, make_key, make_peer
from peers.tests.states import assert_state_is_that_of_its_rows

pytestmark = pytest.mark.django_db


def test_nothing_is_found_after_ordinary_work():
    interface = make_interface(pool_v4="192.0.2.0/29", pool_v6="")
    peers = [create(None, name=f"peer-{number}").peer for number in range(5)]
    changing.disable(None, peers[0])
    changing.rotate_preshared_key(None, peers[1])
    changing.set_public_key(peers[2], make_key())
    removing.remove(None, peers[3])
    bulk.disable(Peer.objects.filter(pk=peers[4].pk), None)
    shaping.change(None, interface, mtu=1400)
    generation = Interface.objects.get().desired_generation
    assert recount() == []
    assert Interface.objects.get().desired_generation == generation


def test_a_wrong_hash_is_put_right_by_the_next_generation():
    interface = make_peer().interface
    Node.objects.update(assigned_peers=1)
    Interface.objects.update(desired_hash="0" * 64)
    assert recount() == [f"{interface}: the hash was not that of its peers."]
    assert_state_is_that_of_its_rows(interface)
    assert (interface.desired_generation, recount()) == (2, [])


def test_when_an_agent_moved_the_holders_of_files_that_name_its_host_are_found():
    peer = make_peer(interface=make_interface(endpoint_host=""))
    Node.objects.update(assigned_peers=1)
    delivery.deliver(peer)
    recount()
    Node.objects.update(agent_url="http://198.18.0.9:8080")
    assert "told something else" in recount()[0]
    assert list(Peer.objects.outdated()) == [peer]
    assert recount() == []


@pytest.mark.parametrize(
    "damage", [{"digest": "1" * 64}, {"present": False}, {"keepalive": 99}, {"enabled": False}]
)
def test_a_peer_that_is_not_what_its_digest_says_is_told_anew(damage):
    peer = make_peer()
    Node.objects.update(assigned_peers=1)
    Peer.objects.update(**damage)
    assert any("digests" in fault or "hash" in fault for fault in recount())
    assert_state_is_that_of_its_rows(peer.interface)
    assert Peer.objects.get().generation > 1
    assert recount() == []


def test_wrong_places_and_a_wrong_flag_are_put_right():
    node = make_peer().interface.node
    Node.objects.update(assigned_peers=7, has_free_address=False)
    assert recount() == [
        f"{node}: 7 places were taken by 1 peers.",
        f"{node}: whether it has a free address was not up to date.",
    ]
    assert (Node.objects.get().assigned_peers, Node.objects.get().has_free_address) == (1, True)


def test_more_peers_than_a_lowered_limit_allows_are_left_alone():
    interface = make_peer().interface
    make_peer(interface=interface)
    Node.objects.update(assigned_peers=2)
    assert recount() == []


def test_an_address_that_nobody_holds_rests():
    interface = make_peer().interface
    Node.objects.update(assigned_peers=1)
    Address.objects.filter(family=4).update(peer=None)
    assert f"{interface}: 1 addresses were held by nobody." in recount()
    assert Address.objects.released().get().rests_until > timezone.now()


def test_a_peer_that_is_due_is_expired_and_no_fault():
    make_peer(expires_at=timezone.now() + dt.timedelta(hours=1))
    Node.objects.update(assigned_peers=1)
    Peer.objects.update(expires_at=timezone.now())
    Interface.objects.update(desired_generation=5)
    peer = Peer.objects.get()
    assert peer.present
    recount()
    assert not Peer.objects.get().present


def test_a_secret_that_does_not_open_is_said_and_nothing_is_changed():
    make_peer()
    Node.objects.update(assigned_peers=1)
    table = Peer._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET preshared_key = 'v1.00000000.AAAA'")  # noqa: S608
    [fault] = recount()
    assert "cannot be counted" in fault
    assert Interface.objects.get().desired_generation == 1


def test_the_command_says_what_it_found():
    make_peer()
    for expected in ("places were taken", "Everything adds up."):
        told = StringIO()
        call_command("recount_peers", stdout=told)
        assert expected in told.getvalue()
