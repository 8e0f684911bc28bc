"""Peers are changed, switched and removed through the REST API."""

import datetime as dt
import json

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.tests.builders import make_staff
from peers.models import Peer
from peers.tests.builders import make_interface, make_peer

pytestmark = pytest.mark.django_db
LIST = "/api/v1/peers/"
HOUR = dt.timedelta(hours=1)


def detail(peer, act: str = "") -> str:
    return f"{LIST}{peer.pk}/{act}"


def patch(api, peer, body):
    """Send what no ordinary encoder would send: a lone surrogate."""
    return api.patch(detail(peer), json.dumps(body), content_type="application/json")


def caller(*permissions) -> APIClient:
    client = APIClient()
    client.force_authenticate(make_staff(*permissions))
    return client


def test_a_patch_changes_what_was_sent_and_raises_the_generation(api):
    peer = make_peer(name="old", notes="kept")
    answer = patch(api, peer, {"name": "new", "keepalive": 25, "tags": ["b", "a"]})
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert (told["name"], told["keepalive"], told["notes"]) == ("new", 25, "kept")
    assert (told["tags"], told["is_confirmed"]) == (["a", "b"], False)
    peer.interface.refresh_from_db()
    assert peer.interface.desired_generation == 2


def test_what_people_read_of_a_peer_is_nothing_to_its_node(api):
    peer = make_peer()
    told = patch(api, peer, {"name": "new", "notes": "text", "tags": ["x"]}).json()
    peer.interface.refresh_from_db()
    assert (told["name"], peer.interface.desired_generation) == ("new", 1)


def test_what_is_read_can_be_sent_back(api):
    peer = make_peer(expires_at=timezone.now() + HOUR, keepalive=25, tags=["a"])
    read = api.get(detail(peer)).json()
    answer = patch(api, peer, read)
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert {**told, "updated_at": None, "expires_at": None} == {
        **read, "updated_at": None, "expires_at": None,
    }  # fmt: skip


def test_an_end_that_is_over_can_be_sent_back_too(api):
    peer = make_peer(expires_at=timezone.now() - HOUR)
    assert patch(api, peer, api.get(detail(peer)).json()).status_code == 200


def test_what_is_cleared_reads_back_as_not_set(api):
    peer = make_peer(keepalive=25, expires_at=timezone.now() + HOUR, notes="x", tags=["a"])
    empty = {"keepalive": None, "expires_at": None, "notes": "", "tags": []}
    patch(api, peer, empty)
    told = api.get(detail(peer)).json()
    assert {**told, **empty} == told


@pytest.mark.parametrize(
    "field",
    ["id", "public_key", "addresses", "interface", "node", "decision", "rx_bytes", "generation",
     "last_handshake_at", "delivered_at", "removed_at", "preshared_key", "private_key"],
)  # fmt: skip
def test_what_the_panel_keeps_cannot_be_written(api, field):
    peer = make_peer()
    before = Peer.objects.values().get()
    assert patch(api, peer, {field: "7"}).status_code == 200
    assert Peer.objects.values().get() == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""), ("name", "x\nPostUp = touch pwned"), ("name", "\ud800"), ("name", None),
        ("enabled", None), ("enabled", "x"), ("keepalive", 65536), ("keepalive", "x"),
        ("expires_at", "2026-05-04"), ("expires_at", 0), ("expires_at", "2020-01-01T00:00:00Z"),
        ("tags", ["a b"]), ("tags", None), ("tags", ["x"] * 33), ("notes", "x" * 2001),
        ("notes", "\0"), ("routed_networks", ["fe80::1%a\n[Interface]"]),
        ("routed_networks", ["10.20.3.0/24"]), ("routed_networks", {}),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_used_is_refused_and_the_field_named(api, field, value):
    peer = make_peer()
    before = Peer.objects.values().get()
    answer = patch(api, peer, {field: value})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid")
    assert list(answer.json()["fields"]) == [field]
    assert Peer.objects.values().get() == before


def test_a_patch_without_the_right_to_routes_gives_no_networks():
    peer = make_peer()
    api = caller("peers.change_peer", "peers.view_peer")
    answer = patch(api, peer, {"routed_networks": ["198.51.100.0/24"]})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["routed_networks"])
    assert patch(api, peer, {"name": "new"}).status_code == 200


def test_a_peer_is_switched_off_and_on_again(api, user):
    peer = make_peer()
    off, on = (api.post(detail(peer, act)) for act in ("disable/", "enable/"))
    assert (off.status_code, off.json()["status"]) == (200, "disabled")
    assert (on.status_code, on.json()["status"]) == (200, "never")
    assert {row.history_user for row in peer.history.all()[:2]} == {user}


def test_enabling_an_expired_peer_says_what_to_do_instead(api):
    peer = make_peer(enabled=False, expires_at=timezone.now() - HOUR)
    answer = api.post(detail(peer, "enable/"))
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["enabled"])
    assert "later end" in answer.content.decode()


def test_a_new_preshared_key_makes_the_configuration_outdated_and_is_not_told(api):
    peer = make_peer(private_key="EMFeGkgPPNfTyyJqDxe7scksRdDYpHyEbOz4I3EU1VA=")
    other = make_peer(interface=peer.interface)
    for it in (peer, other):
        assert api.get(detail(it, "config/")).status_code == 200
    told = api.post(detail(peer, "rotate-psk/")).json()
    new = Peer.objects.get(pk=peer.pk).preshared_key.reveal()
    assert told["is_outdated"] is True
    assert new not in json.dumps(told)
    assert new != peer.preshared_key.reveal()
    outdated = [row["id"] for row in api.get(f"{LIST}?outdated=true").json()["results"]]
    current = [row["id"] for row in api.get(f"{LIST}?outdated=false").json()["results"]]
    assert (outdated, current) == ([str(peer.pk)], [str(other.pk)])


def test_a_removed_peer_is_gone_and_its_node_is_told(api):
    peer = make_peer()
    assert api.delete(detail(peer)).status_code == 204
    assert api.get(detail(peer)).status_code == api.delete(detail(peer)).status_code == 404
    tombstone = Peer.objects.get()
    assert (tombstone.preshared_key, tombstone.present) == (None, False)
    assert tombstone.addresses.held().count() == 0


@pytest.mark.parametrize("act", ["enable/", "disable/", "rotate-psk/"])
@pytest.mark.parametrize("right", ["view", "add", "delete"])
def test_an_act_on_a_peer_needs_the_right_to_change_it(act, right):
    assert caller(f"peers.{right}_peer").post(detail(make_peer(), act)).status_code == 403


@pytest.mark.parametrize("method", ["patch", "delete"])
def test_a_change_needs_its_own_right(method):
    api = caller("peers.view_peer", "peers.add_peer", "peers.view_configuration")
    assert getattr(api, method)(detail(make_peer()), {}).status_code == 403


def test_a_peer_is_not_replaced_whole(api):
    assert api.put(detail(make_peer()), {"name": "x"}).status_code == 405


# --- many at once -------------------------------------------------------------------------------


def bulk(api, **body):
    return api.post(f"{LIST}bulk/", json.dumps(body), content_type="application/json")


def test_peers_named_by_id_are_disabled_and_those_of_others_are_not(api):
    interface = make_interface()
    chosen = [make_peer(interface=interface) for _ in range(3)]
    other = make_peer(interface=interface)
    answer = bulk(api, action="disable", ids=[str(peer.pk) for peer in chosen])
    assert (answer.status_code, answer.json()) == (200, {"changed": 3, "left": {}})
    assert Peer.objects.get(enabled=True) == other


def test_peers_that_a_filter_finds_are_removed(api):
    make_peer(tags=["old"]), make_peer(tags=["old"]), make_peer(tags=["older"])
    answer = bulk(api, action="delete", filter={"tag": "old"})
    assert answer.json()["changed"] == 2
    assert Peer.objects.existing().get().tags == ["older"]


def test_of_ten_peers_the_expired_are_left_disabled_each_with_its_reason(api):
    interface = make_interface()
    past = timezone.now() - HOUR
    expired = [make_peer(interface=interface, enabled=False, expires_at=past) for _ in range(4)]
    for _ in range(6):
        make_peer(interface=interface, enabled=False)
    told = bulk(api, action="enable", filter={"interface": str(interface.pk)}).json()
    assert told["changed"] == 6
    assert set(told["left"]) == {str(peer.pk) for peer in expired}
    assert all("later end" in sentence for sentence in told["left"].values())


def test_peers_are_tagged_and_untagged(api):
    peer = make_peer(tags=["a"])
    bulk(api, action="tag", ids=[str(peer.pk)], tags=["b"])
    assert Peer.objects.get().tags == ["a", "b"]
    bulk(api, action="untag", filter={"status": "never"}, tags=["a", "x"])
    assert Peer.objects.get().tags == ["b"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"action": "disable"}, "non_field_errors"),
        ({"action": "disable", "ids": []}, "ids"),
        ({"action": "disable", "ids": ["x"]}, "ids"),
        ({"action": "disable", "ids": ["0f8fad5b-d9cb-469f-a165-70867728950e"]}, "ids"),
        ({"action": "delete", "filter": {}}, "filter"),
        ({"action": "delete", "filter": {"tga": "old"}}, "filter"),
        ({"action": "delete", "filter": {"\ud800": "old"}}, "filter"),
        ({"action": "delete", "filter": {"tag": ""}}, "filter"),
        ({"action": "delete", "filter": {"tag": " "}}, "filter"),
        ({"action": "delete", "filter": {"tag": "\0"}}, "filter"),
        ({"action": "delete", "filter": {"status": "fine"}}, "filter"),
        ({"action": "delete", "filter": {"group": "Atlantis"}}, "group"),
        ({"action": "delete", "filter": "tag"}, "filter"),
        ({"action": "explode", "filter": {"tag": "old"}}, "action"),
        ({"action": "tag", "filter": {"tag": "old"}}, "tags"),
        ({"action": "tag", "filter": {"tag": "old"}, "tags": []}, "tags"),
        ({"action": "tag", "filter": {"tag": "old"}, "tags": ["a b"]}, "tags"),
        ({"action": "disable", "filter": {"tag": "old"}, "tags": ["a"]}, "tags"),
        ({"filter": {"tag": "old"}}, "action"),
    ],
)
def test_what_cannot_be_done_to_many_is_done_to_none(api, body, field):
    make_peer(tags=["old"])
    before = list(Peer.objects.values())
    answer = bulk(api, **body)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])
    assert list(Peer.objects.values()) == before


@pytest.mark.parametrize(
    ("action", "right"), [("disable", "change"), ("enable", "change"), ("delete", "delete")]
)
def test_each_act_on_many_needs_its_own_right(action, right):
    peer = make_peer()
    others = {"view", "add", "change", "delete"} - {right}
    rights = (f"peers.{it}_peer" for it in others)
    assert bulk(caller(*rights), action=action, ids=[str(peer.pk)]).status_code == 403
    api = caller("peers.view_peer", f"peers.{right}_peer")
    assert bulk(api, action=action, ids=[str(peer.pk)]).status_code == 200
