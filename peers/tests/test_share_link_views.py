"""Share links are made, listed and revoked through the REST API."""

import datetime as dt
import json

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.tests.builders import make_staff
from peers.models import Peer, ShareLink
from peers.tests.builders import make_peer

pytestmark = pytest.mark.django_db


def path(peer, lookup: str = "") -> str:
    return f"/api/v1/peers/{peer.pk}/share-links/{lookup}"


def make(api, peer, **wish):
    return api.post(path(peer), json.dumps(wish), content_type="application/json")


def test_a_link_is_shown_once_with_its_secret(api, user):
    peer = make_peer()
    answer = make(api, peer, hours=2, uses=3, pin="1234")
    assert (answer.status_code, answer["Cache-Control"]) == (201, "no-store")
    told = answer.json()
    assert told["url"].startswith(f"http://testserver/share/{told['lookup']}/#")
    assert (told["uses_left"], told["has_pin"], told["is_usable"]) == (3, True, True)
    (row,) = api.get(path(peer)).json()["results"]
    assert (row["lookup"], row["created_by"]) == (told["lookup"], user.username)
    assert told["url"].rpartition("#")[2] not in json.dumps(row)
    assert "1234" not in json.dumps(row)


def test_a_link_lives_a_day_and_once_unless_asked_otherwise(api):
    make(api, make_peer())
    link = ShareLink.objects.get()
    assert link.uses_left == 1
    assert dt.timedelta(hours=23) < link.expires_at - timezone.now() <= dt.timedelta(hours=24)


def test_a_link_is_revoked_and_the_others_stay(api):
    peer = make_peer()
    first, second = (make(api, peer).json()["lookup"] for _ in range(2))
    assert api.delete(path(peer, f"{first}/")).status_code == 204
    usable = {row["lookup"]: row["is_usable"] for row in api.get(path(peer)).json()["results"]}
    assert usable == {first: False, second: True}


def test_all_links_of_a_peer_are_revoked_at_once_and_of_no_other(api):
    peer, other = make_peer(), make_peer()
    make(api, peer), make(api, peer), make(api, other)
    assert api.delete(path(peer)).json() == {"revoked": 2}
    assert api.get(path(other)).json()["results"][0]["is_usable"] is True


def test_a_link_of_another_peer_is_not_found(api):
    peer, other = make_peer(), make_peer()
    lookup = make(api, other).json()["lookup"]
    assert api.delete(path(peer, f"{lookup}/")).status_code == 404
    assert ShareLink.objects.get().uses_left == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [("hours", 0), ("hours", 169), ("hours", "x"), ("uses", 0), ("uses", 21), ("uses", None),
     ("pin", "12"), ("pin", "abcd"), ("pin", "1" * 13), ("pin", "\0"), ("pin", [])],
)  # fmt: skip
def test_a_link_that_cannot_be_is_refused_and_the_field_named(api, field, value):
    answer = make(api, make_peer(), **{field: value})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])
    assert not ShareLink.objects.exists()


def test_a_peer_that_is_off_gets_no_link(api):
    answer = make(api, make_peer(enabled=False))
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["peer"])


def test_a_removed_peer_has_no_links(api):
    peer = make_peer(removed_at=timezone.now())
    codes = [make(api, peer), api.get(path(peer)), api.delete(path(peer))]
    assert [answer.status_code for answer in codes] == [404, 404, 404]


def test_who_may_change_peers_may_not_give_their_keys_away():
    peer = make_peer()
    client = APIClient()
    client.force_authenticate(make_staff("peers.view_peer", "peers.change_peer"))
    answers = [make(client, peer), client.get(path(peer)), client.delete(path(peer))]
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert Peer.objects.get().delivered_at is None
