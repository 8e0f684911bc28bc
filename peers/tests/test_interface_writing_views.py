"""Interfaces are made, changed and removed through the REST API."""

import json

import pytest
from rest_framework.test import APIClient

from accounts.tests.builders import make_staff
from nodes.models import Interface, Node
from nodes.tests.builders import make_node, make_online_node
from peers.tests.builders import make_interface, make_peer

pytestmark = pytest.mark.django_db
LIST = "/api/v1/interfaces/"


def send(api, method, path, body):
    """Send what no ordinary encoder would send: a lone surrogate."""
    return getattr(api, method)(path, json.dumps(body), content_type="application/json")


def make_body(**fields):
    node = fields.pop("node", None) or make_online_node()
    return {"node": str(node.pk), "name": "wg0", "pool_v4": "10.20.0.0/16", **fields}


def detail(interface) -> str:
    return f"{LIST}{interface.pk}/"


def test_a_new_interface_waits_for_its_node_and_takes_its_peers(api):
    answer = send(api, "post", LIST, make_body(pool_v6="fd12:3456::/64"))
    assert answer.status_code == 201, answer.content
    told = answer.json()
    assert (told["condition"], told["public_key"]) == ("pending", "")
    assert (told["desired_generation"], told["observed_generation"]) == (1, 0)
    assert (told["address_v4"], told["address_v6"]) == ("10.20.0.1", "fd12:3456::1")
    assert (told["accepts_peers"], told["policy"], told["keepalive"]) == (True, "enforce", 25)
    assert [pool["held"] for pool in told["pools"]] == [0, 0]


def test_a_second_interface_of_a_node_does_not_take_its_peers(api):
    node = make_interface().node
    body = make_body(node=node, name="wg1", listen_port=51999, pool_v4="10.9.0.0/24")
    assert send(api, "post", LIST, body).json()["accepts_peers"] is False
    answer = send(api, "post", LIST, {**body, "name": "wg2", "accepts_peers": True})
    assert answer.status_code == 400


def test_a_change_is_another_generation_and_the_history_says_who_did_it(api, user):
    interface = make_interface()
    answer = send(api, "patch", detail(interface), {"mtu": 1380, "dns": "192.0.2.53"})
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert (told["mtu"], told["dns"], told["desired_generation"]) == (1380, "192.0.2.53", 2)
    assert interface.history.first().history_user == user


def test_what_only_clients_are_told_is_nothing_to_the_node(api):
    told = send(api, "patch", detail(make_interface()), {"dns": "192.0.2.53"}).json()
    assert told["desired_generation"] == 1


def test_what_is_read_can_be_sent_back(api):
    interface = make_peer().interface
    read = api.get(detail(interface)).json()
    answer = send(api, "patch", detail(interface), read)
    assert answer.status_code == 200, answer.content
    assert {**answer.json(), "updated_at": None} == {**read, "updated_at": None}


def test_what_is_cleared_reads_back_as_not_set(api):
    interface = make_interface(mtu=1380, dns="192.0.2.53", keepalive=25, fwmark=7)
    empty = {"mtu": None, "dns": "", "keepalive": 0, "fwmark": None, "table": ""}
    assert send(api, "patch", detail(interface), empty).status_code == 200
    told = api.get(detail(interface)).json()
    assert {**told, **empty} == told


@pytest.mark.parametrize(
    "field",
    ["id", "node", "name", "public_key", "epoch", "desired_generation", "observed_generation",
     "condition", "next_offset_v4", "removed_at", "sync_error", "peers"],
)  # fmt: skip
def test_what_the_panel_keeps_cannot_be_written(api, field):
    interface = make_interface()
    before = Interface.objects.values().get()
    other = str(make_node().pk)
    answer = send(api, "patch", detail(interface), {field: other if field == "node" else "7"})
    assert answer.status_code == 200
    after = Interface.objects.values().get()
    assert {**after, "updated_at": 0, "client_fingerprint": 0} == {
        **before, "updated_at": 0, "client_fingerprint": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("listen_port", 0), ("listen_port", 65536), ("listen_port", "x"), ("listen_port", None),
        ("listen_port", 10**30), ("pool_v4", "10.20.0.1/16"), ("pool_v4", "x"), ("pool_v4", None),
        ("pool_v4", "10.20.0.0/255.255.0.0"), ("pool_v4", "\ud800"), ("pool_v4", "fd00::/64"),
        ("pool_v6", "10.0.0.0/24"), ("pool_v6", "fe80::%x\n/64"), ("pool_v6", "x" * 44),
        ("address_v4", "10.99.0.1"), ("address_v4", "x"), ("address_v4", "10.20.0.0"),
        ("endpoint_host", "$(touch pwned)"),
        ("endpoint_host", "203.0.113.1\tPostUp"), ("endpoint_host", "x" * 254),
        ("endpoint_port", 0), ("endpoint_port", 70000), ("dns", "192.0.2.53\nPostUp = x"),
        ("dns", "192.0.2.53, $(touch pwned)"), ("dns", "192.0.2.53,,"), ("dns", None),
        ("mtu", 1), ("mtu", 10**9), ("mtu", "x"), ("client_allowed_ips", "0.0.0.0/0 -m x #"),
        ("client_allowed_ips", "x" * 3001), ("keepalive", -1), ("keepalive", 65536),
        ("fwmark", -1), ("fwmark", 2**32), ("fwmark", 10**30), ("table", "main; x"),
        ("table", "x" * 11), ("forward", "x"), ("masquerade", None), ("out_interface", "eth0;x"),
        ("policy", "x"), ("accepts_peers", 7), ("name", "../x"), ("name", "all"),
        ("name", "x" * 16), ("node", "x"), ("node", None),
        ("node", "0f8fad5b-d9cb-469f-a165-70867728950e"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_used_is_refused_and_the_field_named(api, field, value):
    answer = send(api, "post", LIST, {**make_body(), field: value})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid")
    assert list(answer.json()["fields"]) == [field]
    assert not Interface.objects.exists()


@pytest.mark.parametrize("missing", ["node", "name", "pool_v4"])
def test_a_new_interface_needs_a_node_a_name_and_a_pool(api, missing):
    body = make_body()
    del body[missing]
    answer = send(api, "post", LIST, body)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [missing])


def test_a_pool_does_not_shrink_away_from_under_a_peer(api):
    interface = make_interface()
    make_peer(interface=interface)
    answer = send(api, "patch", detail(interface), {"pool_v4": "10.21.0.0/16"})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["pool_v4"])


def test_an_empty_interface_is_taken_off_its_node(api):
    interface = make_interface()
    answer = api.delete(detail(interface))
    assert (answer.status_code, answer.content) == (204, b"")
    assert api.get(detail(interface)).status_code == api.delete(detail(interface)).status_code
    interface.refresh_from_db()
    assert (interface.removed_at is not None, interface.desired_generation) == (True, 2)


def test_an_interface_with_peers_stays(api):
    interface = make_peer().interface
    answer = api.delete(detail(interface))
    assert (answer.status_code, answer.json()["error"]) == (409, "interface_has_peers")
    assert Interface.objects.present().exists()


@pytest.mark.parametrize(
    ("method", "right"), [("post", "add"), ("patch", "change"), ("delete", "delete")]
)
def test_each_change_needs_its_own_right(method, right):
    interface, body = make_interface(), make_body()
    client = APIClient()
    others = {"view", "add", "change", "delete"} - {right}
    client.force_authenticate(make_staff(*(f"nodes.{it}_interface" for it in others)))
    path = LIST if method == "post" else detail(interface)
    assert send(client, method, path, body).status_code == 403
    assert Node.objects.count() == 2
