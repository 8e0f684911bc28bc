"""What a peer, an address and an interface say of themselves."""

import datetime as dt

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from peers.models import Peer
from peers.tests.builders import make_address, make_interface, make_peer, make_reservation

NOW = dt.datetime(2026, 5, 4, 16, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)


@pytest.mark.parametrize(
    ("fields", "reasons"),
    [
        ({}, []),
        ({"expires_at": NOW + SECOND}, []),
        ({"expires_at": NOW}, ["expired"]),
        ({"enabled": False}, ["disabled"]),
        ({"enabled": False, "expires_at": NOW - SECOND}, ["disabled", "expired"]),
        ({"removed_at": NOW}, ["removed"]),
    ],
)
def test_each_reason_for_being_off_is_told_by_itself(fields, reasons):
    peer = Peer(**fields)
    assert peer.reasons_off(NOW) == reasons
    assert peer.is_wanted(NOW) is (not reasons)


@pytest.mark.parametrize(
    ("seen", "is_online"), [(None, False), (NOW - 179 * SECOND, True), (NOW - 180 * SECOND, False)]
)
def test_a_peer_is_online_for_three_minutes_after_its_handshake(seen, is_online):
    assert Peer(last_handshake_at=seen).is_online(NOW) is is_online


@pytest.mark.django_db
def test_the_questions_to_the_table_agree_with_those_to_a_row():
    interface = make_interface()
    hour = dt.timedelta(hours=1)
    now = timezone.now()
    for expires_at in (None, now - hour, now, now + hour):
        for enabled in (True, False):
            for removed_at in (None, now):
                make_peer(
                    interface=interface,
                    expires_at=expires_at,
                    enabled=enabled,
                    removed_at=removed_at,
                    last_handshake_at=expires_at,
                    present=True,
                )
    peers = list(Peer.objects.all())
    assert set(Peer.objects.wanted(now)) == {peer for peer in peers if peer.is_wanted(now)}
    assert set(Peer.objects.online(now)) == {peer for peer in peers if peer.is_online(now)}
    assert set(Peer.objects.due(now)) == {peer for peer in peers if peer.is_expired(now)}


@pytest.mark.django_db
def test_an_interface_has_a_key_once_until_its_peer_is_removed():
    peer = make_peer()
    with pytest.raises(IntegrityError), transaction.atomic():
        make_peer(interface=peer.interface, public_key=peer.public_key)
    Peer.objects.update(removed_at=NOW)
    make_peer(interface=peer.interface, public_key=peer.public_key)
    assert Peer.objects.existing().count() == Peer.objects.removed().count() == 1


@pytest.mark.django_db
def test_the_history_of_a_peer_has_no_secrets():
    peer = make_peer(private_key="a" * 44)
    assert peer.history.get().name == peer.name
    names = {field.name for field in Peer.history.model._meta.get_fields()}
    assert names & {"preshared_key", "private_key", "digest", "endpoint"} == set()


@pytest.mark.django_db
def test_an_address_says_itself():
    interface = make_interface(pool_v4="192.0.2.0/27")
    assert str(make_address(interface=interface, offset=10)) == "192.0.2.10"
    low = make_address(interface=interface, family=6, offset=2**63 - 1)
    assert str(low) == "fd12:3456:789a:0:7fff:ffff:ffff:ffff"
    kept = make_reservation(interface=interface, first_offset=2, last_offset=5)
    assert str(kept) == "192.0.2.2 to 192.0.2.5"
