"""When a peer's time is over: exactly at its end, whatever the zone."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from nodes.models import Interface
from peers import validators
from peers.errors import PeerRefused
from peers.expiring import expire_due
from peers.models import Address, Peer
from peers.tests.builders import make_interface, make_peer
from peers.tests.states import hash_of_rows

END = dt.datetime(2100, 5, 4, 16, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)
NOW = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("now", "expired"),
    [(END - 3 * 3600 * SECOND, 0), (END - SECOND, 0), (END, 1), (END + 60 * SECOND, 1)],
)
def test_the_end_is_exclusive(now, expired):
    peer = make_peer(expires_at=END)
    assert expire_due(now) == expired
    assert Peer.objects.get().present is (not expired)
    assert Interface.objects.get().desired_generation == 1 + expired
    assert expire_due(now) == 0
    assert peer.addresses.count() == Address.objects.held().count() == 2


@pytest.mark.django_db
def test_many_expire_with_one_generation_for_each_interface():
    interfaces = [make_interface(), make_interface()]
    for interface in interfaces:
        for end in (END, END + SECOND, None):
            make_peer(interface=interface, expires_at=end)
    with CaptureQueriesContext(connection) as queries:
        assert expire_due(END + SECOND) == 4
    assert set(Interface.objects.values_list("desired_generation", flat=True)) == {2}
    for interface in Interface.objects.all():
        interface.peers.filter(expires_at__isnull=False).update(enabled=False)
        assert interface.desired_hash == hash_of_rows(interface)
    assert len(queries) <= 15


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("2026-05-04T16:00:00Z", "2026-05-04T16:00:00+00:00"),
        ("2026-05-04T16:00:00+03:30", "2026-05-04T12:30:00+00:00"),
        ("2026-05-04T16:00:00.500-04:00", "2026-05-04T20:00:00+00:00"),
    ],
)
def test_an_end_is_the_same_instant_in_whatever_zone_it_is_written(text, ends):
    assert validators.end(validators.instant(text), NOW).isoformat() == ends


@pytest.mark.parametrize(
    "text",
    ["2026-05-04T16:00:00", "2026-05-04", "04.05.2026", "0", 0, "", "2026-02-30T00:00:00Z",
     "2020-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-05-04T25:00:00Z", "20260504T160000Z",
     "2026-05-04T16:00:00Z\n", "２０２６-05-04T16:00:00Z", True, 1777910400],
)  # fmt: skip
def test_what_has_several_meanings_or_none_is_refused(text):
    with pytest.raises(PeerRefused) as caught:
        validators.end(validators.instant(text), NOW)
    assert caught.value.field == "expires_at"


def test_nothing_is_never():
    assert validators.end(validators.instant(None), NOW) is None


def test_the_zone_of_the_process_does_not_matter(monkeypatch):
    monkeypatch.setenv("TZ", "America/New_York")
    at = validators.instant("2026-05-04T16:00:00Z")
    assert validators.end(at, NOW) == dt.datetime(2026, 5, 4, 16, tzinfo=dt.UTC)
    assert timezone.get_current_timezone_name() == "UTC"
