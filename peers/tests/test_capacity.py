"""How full pools are, and what selection is told of it."""

import datetime as dt

import pytest
from django.utils import timezone

from nodes.models import Interface, Node
from nodes.tests.builders import make_online_node
from peers.creation.creating import create
from peers.errors import InterfaceRefused
from peers.models import AddressReservation
from peers.pools import capacity, reservations
from peers.tests.builders import make_address, make_interface, make_peer, make_reservation

pytestmark = pytest.mark.django_db
NOW = timezone.now()
HOUR = dt.timedelta(hours=1)


def released(interface: Interface, offset: int, rests_for: dt.timedelta) -> None:
    make_address(
        interface=interface, offset=offset, released_at=NOW - HOUR, rests_until=NOW + rests_for
    )


def test_the_use_of_a_pool_adds_up():
    interface = make_interface(pool_v4="192.0.2.0/28", pool_v6="")
    make_peer(interface=interface)
    released(interface, 3, HOUR)
    released(interface, 4, -HOUR)
    make_reservation(interface=interface, first_offset=8, last_offset=10)
    make_reservation(interface=interface, first_offset=10, last_offset=11)
    make_address(interface=interface, offset=9)
    [use] = capacity.pool_uses(interface, NOW)
    assert (use.hosts, use.held, use.resting, use.reserved, use.free) == (13, 2, 1, 3, 7)


def test_the_use_of_a_wide_pool_is_told_without_counting_it():
    _, use = capacity.pool_uses(make_interface(), NOW)
    assert use.free == use.hosts == 2**63 - 3


@pytest.mark.parametrize(("rests_for", "is_open"), [(-HOUR, True), (HOUR, False)])
def test_a_full_node_opens_again_when_an_address_has_rested(rests_for, is_open):
    interface = make_interface(pool_v4="192.0.2.0/30", pool_v6="", next_offset_v4=3)
    released(interface, 2, rests_for)
    Node.objects.update(has_free_address=False)
    assert capacity.review_full() == is_open
    assert Node.objects.get().has_free_address is is_open


def test_a_node_without_an_interface_stays_closed_and_is_closed_by_a_review():
    node = make_online_node(has_free_address=True)
    assert capacity.review_full() == 0
    assert capacity.review(node.pk) is False
    assert not Node.objects.get().has_free_address


def test_reserved_addresses_go_to_those_who_ask_for_them():
    interface = make_interface(pool_v4="192.0.2.0/29", pool_v6="")
    reservations.add(interface, "192.0.2.2", "192.0.2.3", "printers")
    assert str(create(None, name="one").peer.addresses.get()) == "192.0.2.4"
    chosen = create(None, name="two", addresses=["192.0.2.3"])
    assert str(chosen.peer.addresses.get()) == "192.0.2.3"


def test_what_is_no_longer_reserved_is_given_though_allocation_has_passed_it():
    interface = make_interface(pool_v4="192.0.2.0/29", pool_v6="")
    kept = reservations.add(interface, "192.0.2.2", "192.0.2.3")
    for name in ("one", "two", "three"):
        create(None, name=name)
    assert not Node.objects.get().has_free_address
    reservations.drop(kept)
    assert Node.objects.get().has_free_address
    assert str(create(None, name="four").peer.addresses.get()) == "192.0.2.2"


def test_reserving_all_that_is_left_closes_the_node():
    interface = make_interface(pool_v4="192.0.2.0/29", pool_v6="")
    reservations.add(interface, "192.0.2.0", "192.0.2.7")
    assert not Node.objects.get().has_free_address


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("192.0.2.5", "192.0.2.4"),
        ("192.0.2.5", "198.51.100.1"),
        ("192.0.2.5", "fd12:3456:789a::5"),
        ("wg0", "192.0.2.5"),
        ("192.0.2.0/28", "192.0.2.5"),
    ],
)
def test_what_is_no_range_of_a_pool_is_refused(first, last):
    interface = make_interface(pool_v4="192.0.2.0/29")
    with pytest.raises(InterfaceRefused):
        reservations.add(interface, first, last)
    assert not AddressReservation.objects.exists()
