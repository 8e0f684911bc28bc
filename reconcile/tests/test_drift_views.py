"""What the REST API tells of drift."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.tests.builders import make_staff
from nodes.tests.builders import make_group, make_node, make_online_node
from peers.tests.builders import make_interface, make_key, make_peer
from reconcile.models import Drift
from reconcile.tests.pushing import make_in_sync

pytestmark = pytest.mark.django_db
LIST = "/api/v1/drift/"
NOBODY = "0f8fad5b-d9cb-469f-a165-70867728950e"


def make_item(**fields):
    nothing = {"field": None, "desired": None, "observed": None}
    return {"kind": "unknown", "public_key": make_key(), **nothing, **fields}


def make_drift(items=(), **fields) -> Drift:
    interface = fields.pop("interface", None) or make_interface()
    found = {"state": "drifted" if items else "in_sync", "checked_at": timezone.now()}
    return Drift.objects.create(
        interface=interface, items=list(items), count=len(items), **{**found, **fields}
    )


def path(interface) -> str:
    return f"/api/v1/interfaces/{interface.pk}/drift/"


def states(answer) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["state"] for row in answer.json()["results"]]


def test_an_interface_that_nobody_checked_is_unknown_and_says_so(api):
    told = api.get(path(make_interface())).json()
    assert (told["state"], told["count"], told["items"]) == ("unknown", 0, [])
    assert (told["checked_at"], told["reason"]) == (None, "Nobody has checked it yet.")
    assert states(api.get(LIST)) == ["unknown"]
    assert not Drift.objects.exists()


def test_differences_are_told_with_both_sides_and_an_id(api):
    item = make_item(kind="mismatched", field="keepalive", desired=25, observed=None)
    told = api.get(path(make_drift([item]).interface)).json()
    (shown,) = told["items"]
    assert {**shown, **item} == shown
    assert len(shown["id"]) == 32
    assert (told["state"], told["count"], told["sessions"]) == ("drifted", 1, 0)


def test_a_list_shows_the_first_differences_and_counts_all(api):
    row = make_drift([make_item() for _ in range(30)])
    (listed,) = api.get(LIST).json()["results"]
    assert (len(listed["items"]), listed["count"]) == (10, 30)
    assert len(api.get(path(row.interface)).json()["items"]) == 30


def test_a_list_costs_the_same_queries_for_one_interface_and_for_twenty(api):
    def count():
        with CaptureQueriesContext(connection) as queries:
            assert api.get(LIST).status_code == 200
        assert "health_json" not in str(queries.captured_queries)
        return len(queries)

    make_interface()
    one = count()
    for _ in range(19):
        make_drift([make_item()])
    assert count() == one == 2


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["drifted", "unknown", "in_sync"]),
        ("state=unknown", ["unknown"]),
        ("state=drifted", ["drifted"]),
        ("group=Europe", ["drifted"]),
        ("group=none", ["unknown", "in_sync"]),
        ("search=c-node", ["in_sync"]),
        ("ordering=-count,node", ["drifted", "in_sync", "unknown"]),
        ("page_size=1&page=2", ["unknown"]),
    ],
)
def test_findings_are_filtered_searched_ordered_and_paged(api, query, expected):
    europe = make_online_node(name="a-node", group=make_group(name="Europe"))
    make_drift([make_item()], interface=make_interface(node=europe))
    make_interface(node=make_online_node(name="b-node"))
    make_drift(interface=make_interface(node=make_online_node(name="c-node")))
    make_drift(interface=make_interface(removed_at=timezone.now()))
    assert states(api.get(f"{LIST}?{query}")) == expected


@pytest.mark.parametrize(
    "query", ["state=fine", "node=x", "group=Atlantis", "ordering=items", "search=" + "x" * 101]
)
def test_a_query_that_cannot_be_used_is_refused_and_the_parameter_named(api, query):
    answer = api.get(f"{LIST}?{query}")
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [query.split("=")[0]]


def test_the_findings_of_one_node_are_listed(api):
    row = make_drift([make_item()])
    make_drift()
    node = row.interface.node
    assert states(api.get(f"/api/v1/nodes/{node.pk}/drift/")) == ["drifted"]
    assert states(api.get(f"/api/v1/nodes/{make_node().pk}/drift/")) == []
    assert api.get(f"/api/v1/nodes/{NOBODY}/drift/").status_code == 404


def test_a_check_now_asks_the_node(api, agent):
    interface = make_in_sync(agent)
    assert api.post(path(interface)).json()["state"] == "in_sync"
    held = agent.held["wg0"]
    held.running = dict(list(held.peers.items())[1:])
    told = api.post(path(interface)).json()
    assert (told["state"], told["items"][0]["kind"]) == ("drifted", "missing")
    assert api.get(path(interface)).json() == told


def test_a_check_of_a_node_that_does_not_answer_knows_nothing(api):
    node = make_online_node(agent_url="http://127.0.0.1:1")
    told = api.post(path(make_peer(interface=make_interface(node=node)).interface)).json()
    assert told["state"] == "unknown"
    assert told["reason"]


@pytest.mark.parametrize("method", ["get", "post"])
def test_an_interface_that_is_gone_is_not_found(api, method):
    gone = make_interface(removed_at=timezone.now())
    assert getattr(api, method)(path(gone)).status_code == 404


def test_seeing_drift_is_no_right_to_send_a_check():
    client = APIClient()
    client.force_authenticate(make_staff("reconcile.view_drift"))
    interface = make_interface()
    assert client.get(path(interface)).status_code == 200
    assert client.post(path(interface)).status_code == 403
