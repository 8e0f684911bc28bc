"""Many who create at once, each on a connection of its own: no address twice, clean refusals."""

import datetime as dt
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from celery import current_app
from django.db import connection
from django.utils import timezone

from nodes.models import Interface, Node
from peers import recounting, removing
from peers.creation.creating import Created, Where, create
from peers.errors import NoFreeAddress
from peers.models import Address, Peer
from peers.tests.builders import make_interface, make_peer
from peers.tests.states import assert_state_is_that_of_its_rows
from selection.decision import NoNodeAvailable

pytestmark = pytest.mark.django_db(transaction=True)
REFUSED = "refused"


@pytest.fixture(autouse=True)
def no_broker(monkeypatch):
    monkeypatch.setattr(current_app, "send_task", lambda *_, **__: None)


def at_once(times: int, in_flight: int, act: Callable[[int], Any]) -> list[Any]:
    """Return what came of each call; clean refusals as REFUSED, anything else is raised."""

    def run(number: int) -> Any:
        try:
            return act(number)
        except (NoFreeAddress, NoNodeAvailable):
            return REFUSED
        finally:
            connection.close()

    with ThreadPoolExecutor(in_flight) as threads:
        return list(threads.map(run, range(times)))


def create_one(number: int, **options: Any) -> str:
    return "created" if create(None, name=f"peer-{number}", **options).peer.pk else ""


def test_2000_who_want_1500_addresses_get_exactly_those():
    # 1,500 free addresses: three times 250, and 750
    pools = ["10.1.0.0/24", "10.2.0.0/24", "10.3.0.0/24"]
    small = [make_interface(pool_v4=pool, pool_v6="") for pool in pools]
    large = make_interface(pool_v4="10.8.0.0/22", pool_v6="fd00:8::/64")
    for interface, kept in [*((one, 3) for one in small), (large, 271)]:
        interface.reservations.create(family=4, first_offset=2, last_offset=kept + 1)
    an_hour_ahead = timezone.now() + dt.timedelta(hours=1)  # their reports stay fresh meanwhile
    Node.objects.update(max_peers=5000, reported_at=an_hour_ahead)
    got = Counter(at_once(2000, 64, create_one))
    assert got == {"created": 1500, REFUSED: 500}
    assert Peer.objects.count() == 1500
    rows = Address.objects.values_list("interface", "family", "offset")
    assert len(set(rows)) == len(rows) == 1500 + large.peers.count()
    assert not Node.objects.filter(has_free_address=True).exists()
    for interface in (*small, large):
        assert_state_is_that_of_its_rows(interface)
    assert recounting.recount() == []


def nearly_full() -> Interface:
    """Save what case 23 starts from: .2 to .25 held, the highest first, .26 to .30 free."""
    interface = make_interface(pool_v4="192.0.2.0/27", pool_v6="")
    order = [20, 25, 2, 3, *(offset for offset in range(4, 25) if offset != 20)]
    for offset in order:
        create(None, name=f"held-{offset}", addresses=[f"192.0.2.{offset}"])
    return interface


def test_of_50_at_once_five_get_the_five_addresses_that_are_left():
    interface = nearly_full()
    got = Counter(at_once(50, 50, create_one))
    assert got == {"created": 5, REFUSED: 45}
    offsets = Address.objects.values_list("offset", flat=True)
    assert sorted(offsets) == list(range(2, 31))
    assert Peer.objects.count() == Node.objects.get().assigned_peers == 29
    assert_state_is_that_of_its_rows(interface)


def test_an_address_that_was_given_back_is_the_next_to_be_given(settings):
    settings.WGPANEL_ADDRESS_REST = settings.WGPANEL_ADDRESS_REST * 0
    nearly_full()
    removing.remove(None, Peer.objects.get(name="held-10"))
    Peer.objects.removed().delete()
    assert str(create(None, name="next").peer.addresses.get()) == "192.0.2.10"


def test_50_with_one_idempotency_key_are_one():
    nearly_full()
    made: list[Created] = at_once(50, 50, lambda _: create(None, key="once", name="laptop"))
    assert len({one.peer.pk for one in made}) == 1
    assert Counter(one.is_repeat for one in made) == {True: 49, False: 1}
    assert Peer.objects.filter(name="laptop").count() == 1
    assert Node.objects.get().assigned_peers == 25


def test_creations_removals_and_switches_at_once_leave_one_consistent_state():
    interface = make_interface()
    peers = [create(None, name=f"old-{number}").peer for number in range(20)]

    def act(number: int) -> None:
        if number % 2:
            removing.remove(None, peers[number // 2])
        else:
            create(None, Where(interface=interface), name=f"new-{number}")

    assert REFUSED not in at_once(40, 16, act)
    assert (Peer.objects.existing().count(), Peer.objects.removed().count()) == (20, 20)
    assert_state_is_that_of_its_rows(interface)
    assert interface.desired_generation == 1 + 20 + 40
    assert recounting.recount() == []


def test_one_peer_that_is_removed_by_several_gives_back_one_place():
    interface = make_interface()
    peer = make_peer(interface=interface)
    Node.objects.update(assigned_peers=5)
    at_once(8, 8, lambda _: removing.remove(None, peer))
    assert Node.objects.get().assigned_peers == 4
    assert Address.objects.released().count() == 2
