"""The question by REST: an answer with its reasons, or a refusal with its reasons."""

import pytest
from rest_framework.test import APIClient

from accounts import tokens
from accounts.tests.builders import make_staff
from nodes.models import Node
from nodes.tests.builders import make_group
from selection.tests.builders import make_idle_node

pytestmark = pytest.mark.django_db
URL = "/api/v1/selection/"


def ask(api, **body) -> dict:
    answer = api.post(URL, body)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_without_a_wish_the_lowest_score_is_answered_with_its_parts(api):
    make_idle_node(name="A", active_peers=40, cpu_percent=85, memory_percent=60)
    make_idle_node(name="B", active_peers=50)
    answer = ask(api)
    assert (answer["node"], answer["strategy"], answer["group"]) == ("B", "auto", None)
    parts = [
        (c["node"], c["base"], c["cpu"], c["memory"], c["total"]) for c in answer["candidates"]
    ]
    assert parts == [("B", 0.5, 0, 0, 0.5), ("A", 0.4, 0.5, 0.05, 0.95)]
    assert (answer["exclusions"], answer["unplaced"]) == ({}, 0)


def test_nothing_is_reserved(api):
    make_idle_node()
    ask(api, peers=10)
    assert Node.objects.get().assigned_peers == 0


def test_the_next_peers_are_told_with_those_that_find_no_room(api):
    make_idle_node(name="a", max_peers=3)
    make_idle_node(name="b", max_peers=4)
    answer = ask(api, peers=10)
    assert {share["node"]: share["places"] for share in answer["next"]} == {"a": 3, "b": 4}
    assert answer["unplaced"] == 3


@pytest.mark.parametrize("by", ["name", "pk"])
def test_a_group_is_given_by_id_or_by_name(api, by):
    group = make_group(name="Europe")
    make_idle_node(active_peers=9, group=group, name="inside")
    make_idle_node()
    answer = ask(api, group=str(getattr(group, by)))
    assert (answer["node"], answer["group"]) == ("inside", "Europe")
    assert answer["exclusions"] == {"other_group": 1}


def test_a_node_is_named_by_id_or_by_name(api):
    make_idle_node()
    node = make_idle_node(active_peers=50)
    assert ask(api, strategy=node.name)["node_id"] == str(node.pk)
    assert ask(api, strategy=str(node.pk))["node"] == node.name


def test_without_a_candidate_409_counts_the_nodes_by_reason(api):
    make_idle_node(status="offline")
    make_idle_node(maintenance=True)
    answer = api.post(URL, {})
    assert answer.status_code == 409
    assert answer.json() == {
        "error": "no_node_available",
        "detail": "No node can take a peer: 1 in maintenance, 1 offline.",
        "exclusions": {"maintenance": 1, "offline": 1},
    }


def test_a_named_node_is_refused_with_its_reason(api):
    make_idle_node()
    make_idle_node(name="fra1", assigned_peers=100)
    answer = api.post(URL, {"strategy": "fra1"})
    assert (answer.status_code, answer.json()["error"]) == (409, "node_refused")
    assert answer.json()["exclusions"] == {"full": 1}
    assert api.post(URL, {"strategy": "nobody"}).json()["exclusions"] == {"missing": 1}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("group", "asia"), ("group", ""), ("group", 7), ("peers", 0), ("peers", 1001),
        ("peers", "many"), ("strategy", ""), ("strategy", "x" * 65), ("strategy", None),
        ("strategy", "\0"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused_by_field(api, field, value):
    make_idle_node()
    answer = api.post(URL, {field: value})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])


@pytest.mark.parametrize("body", [[], "auto", 7])
def test_a_body_that_is_no_object_is_refused(api, body):
    assert api.post(URL, body).status_code == 400


def test_a_token_of_somebody_who_may_view_nodes_may_ask():
    make_idle_node()
    for rights, status in [(("nodes.view_node",), 200), (("nodes.add_node",), 403)]:
        token = tokens.issue(make_staff(*rights))
        client = APIClient(headers={"authorization": f"Token {token}"})
        assert client.post(URL, {}).status_code == status
    assert APIClient().post(URL, {}).status_code == 401


@pytest.mark.parametrize("nodes", [1, 30])
def test_the_answer_costs_the_same_for_any_fleet(api, django_assert_num_queries, nodes):
    for _ in range(nodes):
        make_idle_node()
    with django_assert_num_queries(4):  # the policy, the ten best, the next, the exclusions
        ask(api, peers=5)


def test_nodes_are_listed_by_their_score(api):
    for name, peers in [("b", 20), ("a", 50), ("c", 10)]:
        make_idle_node(name=name, active_peers=peers)
    rows = api.get("/api/v1/nodes/?ordering=score").json()["results"]
    assert [(row["name"], row["score"]) for row in rows] == [("c", 0.1), ("b", 0.2), ("a", 0.5)]


def test_the_counts_of_places_cannot_be_written(api):
    node = make_idle_node()
    written = {"assigned_peers": 5, "score": -1, "has_free_address": False}
    assert api.patch(f"/api/v1/nodes/{node.pk}/", written).status_code == 200
    node.refresh_from_db()
    assert (node.assigned_peers, node.has_free_address, node.score) == (0, True, 0)


def test_room_is_never_less_than_the_peers_that_are_placed(api):
    node = make_idle_node(assigned_peers=10)
    answer = api.patch(f"/api/v1/nodes/{node.pk}/", {"max_peers": 9})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["max_peers"])
    assert api.patch(f"/api/v1/nodes/{node.pk}/", {"max_peers": 10}).status_code == 200
