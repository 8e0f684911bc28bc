"""Peers are created through the REST API, whole or not at all."""

import json

import pytest
from rest_framework.test import APIClient

from accounts.tests.builders import make_staff
from nodes.tests.builders import make_group, make_online_node
from peers.models import Address, Peer
from peers.tests.builders import make_interface, make_key, make_peer

pytestmark = pytest.mark.django_db
LIST = "/api/v1/peers/"
NOT_A_GROUP = "0f8fad5b-d9cb-469f-a165-70867728950e"
SLASHED = "/+8aZ0rkVsLqTBVsRLtS5/8xGFyxcTkHbnhv/tCvBUM="


def make_body(**fields):
    return {"name": "laptop", "public_key": SLASHED, **fields}


def post(api, body, **headers):
    """Send what no ordinary encoder would send: a lone surrogate."""
    return api.post(LIST, json.dumps(body), content_type="application/json", headers=headers)


def caller(*permissions) -> APIClient:
    client = APIClient()
    client.force_authenticate(make_staff(*permissions))
    return client


@pytest.fixture
def interface():
    return make_interface(node=make_online_node(name="fra1", group=make_group(name="Europe")))


def test_a_new_peer_is_answered_with_its_addresses_its_node_and_why(api, interface):
    answer = post(api, make_body(tags=["b", "a"], notes="x\ny", keepalive=25))
    assert answer.status_code == 201, answer.content
    told = answer.json()
    assert told["addresses"] == ["10.20.0.2", "fd12:3456:789a::2"]
    assert (told["node_name"], told["interface_name"]) == ("fra1", interface.name)
    assert told["decision"]["node"] == "fra1"
    assert (told["tags"], told["notes"], told["keepalive"]) == (["a", "b"], "x\ny", 25)
    assert (told["status"], told["is_confirmed"], told["is_repeat"]) == ("never", False, False)
    assert api.get(f"{LIST}{told['id']}/").json()["public_key"] == SLASHED


def test_the_file_of_a_client_that_keeps_its_key_has_a_place_for_it(api, interface):
    told = post(api, make_body()).json()
    assert "PUT-THE-PRIVATE-KEY" in told["config"]
    assert f"PublicKey = {interface.public_key}" in told["config"]
    assert (told["private_key"], told["no_config"]) == (None, "")
    assert Peer.objects.get().delivered_at is not None


def test_a_key_that_the_panel_makes_is_shown_once_and_not_kept(api, interface):
    told = post(api, {"name": "phone", "keys": "panel"}).json()
    assert f"PrivateKey = {told['private_key']}\n" in told["config"]
    assert Peer.objects.get().private_key is None
    assert told["private_key"] not in api.get(f"{LIST}{told['id']}/").content.decode()


def test_a_key_that_the_panel_made_is_not_lost_while_there_is_no_file(api, interface):
    interface.public_key = ""
    interface.save(update_fields=["public_key"])
    told = post(api, {"name": "phone", "keys": "panel"}).json()
    assert (told["config"], len(told["private_key"])) == (None, 44)
    assert told["no_config"].startswith("The node has not made the key")


def test_who_may_not_see_configurations_gets_none(interface):
    api = caller("peers.add_peer", "peers.view_peer")
    told = post(api, make_body()).json()
    assert (told["config"], told["private_key"]) == (None, None)
    assert "peers.view_configuration" in told["no_config"]
    answer = post(api, {"name": "phone", "keys": "panel"})
    assert (answer.status_code, answer.json()["error"]) == (403, "permission_denied")
    assert Peer.objects.count() == 1


@pytest.mark.parametrize(
    ("place", "chosen"),
    [
        ({}, "europe"),
        ({"group": "Asia"}, "asia"),
        ({"node": "asia"}, "asia"),
        ({"strategy": "priority"}, "asia"),
        ({"group": None, "strategy": "auto"}, "europe"),
    ],
)
def test_a_peer_goes_where_it_was_asked_to_go(api, place, chosen):
    asia, europe = make_group(name="Asia", priority=9), make_group(name="Europe")
    make_interface(node=make_online_node(name="asia", group=asia, active_peers=100))
    make_interface(node=make_online_node(name="europe", group=europe, active_peers=0))
    answer = post(api, make_body(**place))
    assert (answer.status_code, answer.json()["node_name"]) == (201, chosen)


def test_a_peer_goes_to_an_interface_that_selection_would_not_choose(api, interface):
    other = make_interface(node=interface.node, pool_v4="10.8.0.0/24", address_v4="10.8.0.1")
    told = post(api, make_body(interface=str(other.pk), addresses=["10.8.0.77"])).json()
    assert (told["interface"], told["addresses"][0]) == (str(other.pk), "10.8.0.77")


@pytest.mark.parametrize(
    ("place", "fields"),
    [
        ({"group": "Atlantis"}, ["group"]),
        ({"group": NOT_A_GROUP}, ["group"]),
        ({"interface": NOT_A_GROUP}, ["interface"]),
        ({"interface": "x"}, ["interface"]),
        ({"strategy": "random"}, ["strategy"]),
        ({"node": "auto"}, ["node"]),
        ({"node": "\0"}, ["node"]),
        ({"group": "Europe", "node": "fra1"}, ["non_field_errors"]),
    ],
)
@pytest.mark.usefixtures("interface")
def test_a_place_that_is_not_there_is_refused(api, place, fields):
    answer = post(api, make_body(**place))
    assert (answer.status_code, list(answer.json()["fields"])) == (400, fields)


def test_a_removed_interface_takes_no_peer(api, interface):
    interface.removed_at = interface.created_at
    interface.save(update_fields=["removed_at"])
    assert list(post(api, make_body(interface=str(interface.pk))).json()["fields"]) == ["interface"]


@pytest.mark.parametrize("node", ["nowhere", NOT_A_GROUP])
@pytest.mark.usefixtures("interface")
def test_a_node_that_cannot_take_a_peer_is_not_replaced_by_another(api, node):
    answer = post(api, make_body(node=node))
    assert (answer.status_code, answer.json()["error"]) == (409, "no_node_available")
    assert answer.json()["exclusions"] == {"missing": 1}


def test_without_a_node_the_answer_says_what_is_in_the_way_of_each(api):
    make_interface(node=make_online_node(maintenance=True))
    make_interface(node=make_online_node(enabled=False))
    answer = post(api, make_body())
    assert (answer.status_code, answer.json()["error"]) == (409, "no_node_available")
    assert answer.json()["exclusions"] == {"disabled": 1, "maintenance": 1}
    assert not Peer.objects.exists()


def test_a_full_pool_is_a_conflict_and_leaves_nothing_behind(api):
    interface = make_interface(
        pool_v4="192.0.2.0/30", address_v4="192.0.2.1", pool_v6="", address_v6=""
    )
    make_peer(interface=interface)
    answer = post(api, make_body(interface=str(interface.pk)))
    assert (answer.status_code, answer.json()["error"]) == (409, "no_free_address")
    assert (Peer.objects.count(), Address.objects.count()) == (1, 1)


@pytest.mark.usefixtures("interface")
def test_a_repeated_request_gets_the_same_peer_but_not_its_key(api):
    body = {"name": "phone", "keys": "panel"}
    first, again = (post(api, body, **{"Idempotency-Key": "k1"}).json() for _ in range(2))
    assert (first["id"], first["is_repeat"]) == (again["id"], False)
    assert (again["is_repeat"], again["private_key"]) == (True, None)
    assert Peer.objects.count() == 1


@pytest.mark.usefixtures("interface")
def test_a_key_that_served_another_request_is_a_conflict(api):
    post(api, make_body(), **{"Idempotency-Key": "k1"})
    other = post(api, make_body(name="other"), **{"Idempotency-Key": "k1"})
    assert (other.status_code, other.json()["error"]) == (409, "idempotency_conflict")


@pytest.mark.parametrize("key", ["x" * 256, "ü", "a\tb"])
@pytest.mark.usefixtures("interface")
def test_a_key_that_cannot_be_kept_is_refused(api, key):
    answer = api.post(LIST, make_body(), headers={"Idempotency-Key": key})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["Idempotency-Key"])


@pytest.mark.usefixtures("interface")
def test_networks_behind_a_peer_need_a_right_of_their_own(api):
    body = make_body(routed_networks=["198.51.100.0/24"])
    refused = post(caller("peers.add_peer"), body)
    assert (refused.status_code, list(refused.json()["fields"])) == (400, ["routed_networks"])
    assert post(api, body).json()["routed_networks"] == ["198.51.100.0/24"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x"}, "public_key"),
        ({"name": "x", "keys": "panel", "public_key": SLASHED}, "public_key"),
        ({"public_key": SLASHED}, "name"),
    ],
)
@pytest.mark.usefixtures("interface")
def test_a_new_peer_needs_a_name_and_one_maker_of_its_key(api, body, field):
    answer = post(api, body)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""), ("name", "x\nPostUp = touch pwned"), ("name", "x" * 65), ("name", "\0"),
        ("name", "\ud800"), ("name", None), ("name", ["x"]), ("name", "\u202ex"),
        ("public_key", "x"), ("public_key", SLASHED + "\n"), ("public_key", None),
        ("public_key", SLASHED.replace("/", "_")), ("public_key", 7), ("public_key", "\ud800"),
        ("public_key", "A" * 43 + "="), ("public_key", SLASHED[:-2] + "N="),
        ("preshared_key", "x"), ("preshared_key", SLASHED + "\n"), ("preshared_key", {}),
        ("with_preshared_key", "x"), ("enabled", None), ("enabled", 7),
        ("expires_at", "2026-05-04T16:00:00"), ("expires_at", "2026-05-04"), ("expires_at", "0"),
        ("expires_at", 0), ("expires_at", ""), ("expires_at", "2020-01-01T00:00:00Z"),
        ("expires_at", "2026-02-30T00:00:00Z"), ("expires_at", "9999-12-31T23:59:59-12:00"),
        ("expires_at", "0001-01-01T00:00:00+12:00"), ("expires_at", []),
        ("keepalive", -1), ("keepalive", 65536), ("keepalive", "x"), ("keepalive", 10**30),
        ("keepalive", 1.5), ("keepalive", True),
        ("tags", "x"), ("tags", ["a b"]), ("tags", [""]), ("tags", [1, None]), ("tags", {}),
        ("tags", ["x"] * 33), ("tags", ["\ud800"]), ("tags", ["x" * 33]),
        ("notes", "x" * 2001), ("notes", "\0"), ("notes", None), ("notes", []),
        ("routed_networks", ["10.0.0.0/33"]), ("routed_networks", ["fe80::1%a\n[Interface]"]),
        ("routed_networks", ["198.51.100.0/24; touch pwned"]), ("routed_networks", "x"),
        ("routed_networks", ["198.51.100.0/24", "198.51.100.0/25"]),
        ("addresses", ["10.20.0.1"]), ("addresses", ["10.20.0.0"]), ("addresses", ["10.99.0.1"]),
        ("addresses", ["10.20.0.9/16"]), ("addresses", ["fe80::9%x\nPreUp=touch pwned"]),
        ("addresses", ["x"]), ("addresses", [""]), ("addresses", ["10.20.0.9", "10.20.0.10"]),
        ("addresses", "10.20.0.9"), ("addresses", [1]), ("addresses", ["2001:db8::5"]),
        ("keys", "nobody"), ("keys", None),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("interface")
def test_a_value_that_cannot_be_used_is_refused_and_the_field_named(api, field, value):
    answer = post(api, make_body(**{field: value}))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid")
    assert list(answer.json()["fields"]) == [field]
    assert not Peer.objects.exists()
    assert not Address.objects.exists()


@pytest.mark.parametrize("field", ["id", "node_name", "rx_bytes", "generation", "delivered_at"])
@pytest.mark.usefixtures("interface")
def test_what_the_panel_keeps_cannot_be_sent(api, field):
    told = post(api, make_body(**{field: 7})).json()
    assert told.get(field) != 7


# --- keys with / and + -------------------------------------------------------------------------


def test_a_key_in_use_and_the_interfaces_own_key_are_refused(api, interface):
    post(api, make_body())
    for key in (SLASHED, interface.public_key):
        answer = post(api, make_body(name="other", public_key=key))
        assert (answer.status_code, list(answer.json()["fields"])) == (400, ["public_key"])


def test_the_same_name_is_no_obstacle(api, interface):
    assert [post(api, make_body(public_key=make_key())).status_code for _ in "ab"] == [201, 201]
