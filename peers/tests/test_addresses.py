"""Addresses: the lowest rested, else the next; never twice; a pool is never enumerated."""

import datetime as dt
import ipaddress

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from nodes.models import Interface
from peers.errors import NoFreeAddress, PeerRefused
from peers.models import Address
from peers.pools import addresses
from peers.pools.addresses import PoolBook
from peers.tests.builders import make_address, make_interface, make_peer, make_reservation

pytestmark = pytest.mark.django_db
NOW = timezone.now()
MINUTE = dt.timedelta(minutes=1)


def book(interface: Interface, family: int = 4, now: dt.datetime = NOW) -> PoolBook:
    interface.refresh_from_db()
    return next(one for one in addresses.books(interface, now) if one.pool.family == family)


def take(interface: Interface, count: int = 1, family: int = 4) -> list[int]:
    offsets = book(interface, family).take(count)
    for offset in offsets:
        make_address(interface=interface, family=family, offset=offset)
    return offsets


def released(interface: Interface, offset: int, **fields) -> Address:
    rested = {"released_at": NOW - 20 * MINUTE, "rests_until": NOW - 10 * MINUTE}
    return make_address(interface=interface, offset=offset, **{**rested, **fields})


def test_the_first_address_is_the_one_after_the_interface_itself():
    interface = make_interface(pool_v4="192.0.2.0/29")
    assert take(interface, 2) == [2, 3]
    assert take(interface, 3) == [4, 5, 6]


def test_the_address_of_the_interface_is_skipped_wherever_it_is():
    interface = make_interface(pool_v4="192.0.2.0/29", address_v4="192.0.2.3")
    assert take(interface, 5) == [1, 2, 4, 5, 6]


def test_the_last_one_is_known_for_the_last_one():
    interface = make_interface(pool_v4="192.0.2.0/30")
    taking = book(interface)
    assert (taking.take(1), taking.is_exhausted) == ([2], True)


def test_the_lowest_rested_address_comes_before_a_new_one():
    interface = make_interface(next_offset_v4=21)
    for offset in (20, 10, 15):
        released(interface, offset)
    assert take(interface, 2) == [10, 15]
    assert take(interface, 2) == [20, 21]
    assert Address.objects.released().count() == 0


@pytest.mark.parametrize("fields", [{"rests_until": NOW + MINUTE}, {"peer": True}])
def test_an_address_rests_for_a_while_and_until_the_node_has_confirmed(fields):
    interface = make_interface(pool_v6="", next_offset_v4=6)
    peer = make_peer(interface=interface)
    released(interface, 5, **{**fields, **({"peer": peer} if "peer" in fields else {})})
    assert take(interface) == [6]


def test_reservations_are_skipped_and_rested_addresses_in_them_too():
    interface = make_interface(pool_v4="192.0.2.0/28")
    make_reservation(interface=interface, first_offset=3, last_offset=6)
    make_reservation(interface=interface, first_offset=5, last_offset=9)
    released(interface, 4)
    assert take(interface, 3) == [2, 10, 11]


def test_addresses_that_were_asked_for_are_skipped_when_their_turn_comes():
    interface = make_interface()
    for offset in (3, 4, 5, 7):
        make_address(interface=interface, offset=offset)
    assert take(interface, 4) == [2, 6, 8, 9]


def test_a_long_run_of_taken_addresses_costs_no_query_each():
    interface = make_interface(next_offset_v4=2)
    rows = (Address(interface=interface, family=4, offset=offset) for offset in range(2, 2002))
    Address.objects.bulk_create(rows)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert book(interface).take(1) == [2002]
    assert len(queries) <= 10


def test_a_wide_pool_costs_what_a_small_one_costs():
    wide, small = make_interface(), make_interface(pool_v6="2001:db8::/120")
    counts = []
    for interface in (wide, small):
        with CaptureQueriesContext(connection) as queries:
            assert book(interface, 6).take(1) == [2]
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_end_of_a_64_is_the_end_of_what_a_column_holds():
    interface = make_interface(next_offset_v6=2**63 - 2)
    assert take(interface, family=6) == [2**63 - 2]
    assert not book(interface, 6).has_free()


def test_an_exhausted_pool_says_what_rests_and_what_waits_for_the_node():
    interface = make_interface(name="wg7", pool_v4="192.0.2.0/29", pool_v6="", next_offset_v4=6)
    until = dt.datetime(2100, 1, 1, 12, 30, tzinfo=dt.UTC)
    peer = make_peer(interface=interface)
    released(interface, 3, rests_until=until)
    released(interface, 4, rests_until=until + MINUTE)
    released(interface, 5, peer=peer)
    make_address(interface=interface, offset=6)
    with pytest.raises(NoFreeAddress) as caught:
        book(interface).take(1)
    assert str(caught.value).endswith(
        "/wg7 has no free IPv4 address (2 resting until 2100-01-01 12:30 UTC, "
        "1 until the node confirms a removal)."
    )
    assert caught.value.node_id == interface.node_id


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("192.0.2.2", "in use"),
        ("192.0.2.1", "the interface itself"),
        ("192.0.2.0", "the network itself"),
        ("192.0.2.31", "broadcast"),
        ("192.0.2.40", "outside the pool"),
        ("192.0.2.3", "rests until 2100-01-01 00:00 UTC"),
        ("192.0.2.4", "until the node confirms"),
    ],
)
def test_an_address_that_was_asked_for_is_refused_with_the_reason(address, problem):
    interface = make_interface(pool_v4="192.0.2.0/27", pool_v6="")
    peer = make_peer(interface=interface)
    released(interface, 3, rests_until=dt.datetime(2100, 1, 1, tzinfo=dt.UTC))
    released(interface, 4, peer=peer)
    with pytest.raises(PeerRefused, match=problem) as caught:
        book(interface).take_chosen(ipaddress.ip_address(address))
    assert caught.value.field == "addresses"


@pytest.mark.parametrize("offset", [5, 6, 10, 30])
def test_a_free_a_rested_and_a_reserved_address_may_be_asked_for(offset):
    interface = make_interface(pool_v4="192.0.2.0/27")
    released(interface, 6)
    make_reservation(interface=interface, first_offset=10, last_offset=12)
    chosen = ipaddress.ip_address("192.0.2.0") + offset
    assert book(interface).take_chosen(chosen) == offset
    make_address(interface=interface, offset=offset)


def test_a_chosen_address_is_not_given_to_the_next_of_the_same_transaction():
    interface = make_interface()
    taking = book(interface)
    assert taking.take_chosen(ipaddress.ip_address("10.20.0.2")) == 2
    assert taking.take(2) == [3, 4]


@pytest.mark.parametrize(
    "text", ["192.0.2.10/24", "192.0.2.10/32", "fe80::1%a\nb", "192.0.2", "", "10.0.0.1\n", 7, None]
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(PeerRefused):
        addresses.parse(text)
