"""Which pools overlap, and what it costs to say so."""

import pytest

from nodes.models import Interface
from peers.pools.overlaps import overlap_of, overlaps
from peers.tests.builders import make_interface

pytestmark = pytest.mark.django_db


def told():
    return [[str(claim.network) for claim in overlap.claims()] for overlap in overlaps()]


def test_pools_that_overlap_are_told_in_groups_with_the_widest_first():
    for name, pool in [("a", "10.20.7.0/24"), ("b", "10.0.0.0/8"), ("c", "10.20.0.0/16")]:
        make_interface(name=name, pool_v4=pool, pool_v6="")
    make_interface(name="d", pool_v4="172.16.0.0/16", pool_v6="fd00:1::/64")
    make_interface(name="e", pool_v4="172.17.0.0/16", pool_v6="fd00:1::/64")
    assert told() == [
        ["10.0.0.0/8", "10.20.0.0/16", "10.20.7.0/24"],
        ["fd00:1::/64", "fd00:1::/64"],
    ]


def test_neighbours_do_not_overlap():
    for pool in ("10.20.0.0/24", "10.20.1.0/24", "10.20.2.0/23"):
        make_interface(pool_v4=pool, pool_v6="")
    assert told() == []


def test_pools_of_removed_interfaces_overlap_nothing():
    interface = make_interface()
    other = make_interface()
    Interface.objects.filter(pk=interface.pk).update(removed_at=interface.created_at)
    assert (told(), overlap_of(other)) == ([], None)


def test_of_one_interface_those_are_told_that_meet_its_own_pools():
    wide = make_interface(pool_v4="10.0.0.0/8", pool_v6="")
    first = make_interface(pool_v4="10.1.0.0/16", pool_v6="")
    second = make_interface(pool_v4="10.2.0.0/16", pool_v6="")
    assert [claim.interface_id for claim in overlap_of(first).claims()] == [wide.pk]
    assert {claim.interface_id for claim in overlap_of(wide).claims()} == {first.pk, second.pk}


def test_an_interface_does_not_overlap_itself():
    assert overlap_of(make_interface()) is None


def test_of_many_with_the_same_pool_a_few_are_named(django_assert_num_queries):
    interfaces = [make_interface(pool_v6="") for _ in range(8)]
    with django_assert_num_queries(3):
        (overlap,) = overlaps()
        assert (len(overlap.few), overlap.pools, overlap.more) == (5, 8, 3)
    mine = overlap_of(interfaces[0])
    assert (len(mine.few), mine.more) == (5, 2)
