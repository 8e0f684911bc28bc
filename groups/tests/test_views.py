"""The groups' part of the REST API."""

import json
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from groups.models import NodeGroup
from nodes.tests.builders import make_group, make_node

pytestmark = pytest.mark.django_db
LIST = "/api/v1/groups/"


def detail(group) -> str:
    return f"{LIST}{group.pk}/"


def names(answer) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["name"] for row in answer.json()["results"]]


def test_a_new_group_is_answered_with_its_id_and_no_nodes(api):
    body = {"name": "Europe", "description": "a\nb", "region": "eu", "priority": -3}
    answer = api.post(LIST, body)
    assert answer.status_code == 201
    assert {**answer.json(), **body, "nodes": 0} == answer.json()
    assert NodeGroup.objects.get().pk == uuid.UUID(answer.json()["id"])


def test_the_history_says_who_made_and_changed_a_group(api, user):
    api.post(LIST, {"name": "Europe"})
    group = NodeGroup.objects.get()
    api.patch(detail(group), {"region": "eu"})
    assert [row.history_user for row in group.history.all()] == [user, user]


def test_a_group_counts_its_nodes(api):
    group = make_group()
    make_node(group=group), make_node(group=group), make_node()
    assert api.get(detail(group)).json()["nodes"] == 2
    assert api.patch(detail(group), {"region": "x"}).json()["nodes"] == 2


def test_a_list_costs_the_same_queries_for_one_group_and_for_fifty(api):
    def count():
        with CaptureQueriesContext(connection) as queries:
            assert api.get(LIST).status_code == 200
        return len(queries)

    make_node(group=make_group())
    one = count()
    for _ in range(49):
        make_node(group=make_group())
    assert count() == one == 2


def test_a_patch_changes_what_was_sent_and_nothing_else(api):
    group = make_group(name="Europe", region="eu", description="old", priority=5)
    api.patch(detail(group), {"description": "new"})
    group.refresh_from_db()
    assert (group.name, group.region, group.description, group.priority) == (
        "Europe", "eu", "new", 5,
    )  # fmt: skip


@pytest.mark.parametrize("field", ["id", "nodes", "created_at", "updated_at"])
def test_what_the_panel_decides_cannot_be_written(api, field):
    group = make_group()
    before = api.get(detail(group)).json()
    wrong = {"id": str(uuid.uuid4()), "nodes": 7}.get(field, "2020-01-01T00:00:00Z")
    after = api.patch(detail(group), {field: wrong}).json()
    assert after[field] != wrong
    assert after["id"] == before["id"]


def test_deleting_leaves_the_nodes_and_says_how_many(api, user):
    group = make_group()
    node = make_node(group=group)
    answer = api.delete(detail(group))
    assert (answer.status_code, answer.json()) == (200, {"ungrouped_nodes": 1})
    assert node.history.first().history_user == user
    assert api.delete(detail(group)).status_code == 404


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["Asia", "Africa", "Europe"]),
        ("?name=Asia", ["Asia"]),
        ("?name=asia", []),
        ("?region=r1", ["Asia", "Europe"]),
        ("?search=a", ["Asia", "Africa"]),
        ("?search=r1", ["Asia", "Europe"]),
        ("?search=nothing", []),
        ("?ordering=name", ["Africa", "Asia", "Europe"]),
        ("?ordering=-name", ["Europe", "Asia", "Africa"]),
        ("?ordering=-region,name", ["Africa", "Asia", "Europe"]),
        ("?ordering=nodes,name", ["Africa", "Asia", "Europe"]),
        ("?ordering=-nodes,name", ["Europe", "Africa", "Asia"]),
        ("?page_size=1&page=2", ["Africa"]),
    ],
)
def test_groups_are_filtered_searched_ordered_and_paged(api, query, expected):
    make_group(name="Africa", region="r2")
    make_node(group=make_group(name="Europe", region="r1"))
    make_group(name="Asia", region="r1", priority=9)
    assert names(api.get(LIST + query)) == expected


@pytest.mark.parametrize(
    "query",
    [
        "?ordering=secret", "?ordering=name,name", "?ordering=node_count", "?ordering=-",
        "?search=" + "x" * 101, "?name=a%00b", "?name=" + "x" * 65,
        "?search=" + "a+" * 60,
    ],
)  # fmt: skip
def test_a_query_that_cannot_be_used_is_refused_and_the_parameter_named(api, query):
    answer = api.get(LIST + query)
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid"
    assert list(answer.json()["fields"]) == [query[1:].split("=")[0]]


@pytest.mark.parametrize("page", ["0", "-1", "2", "x", "1.5", "9" * 5000, "%00"])
def test_a_page_that_is_not_there_is_not_found(api, page):
    make_group()
    answer = api.get(f"{LIST}?page={page}")
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""), ("name", None), ("name", "x\nPostUp = touch pwned"),
        ("name", "nul\0byte"), ("name", "\ud800"), ("name", "x" * 65), ("name", ["x"]),
        ("name", {"x": 1}), ("name", True), ("name", "\u202ex"),
        ("description", "x" * 2001), ("description", "nul\0"), ("description", "\udfff"),
        ("description", None), ("region", "a\rb"), ("region", "x" * 65), ("region", "\ud800"),
        ("priority", 10_001), ("priority", -10_001), ("priority", 32768), ("priority", 10**30),
            ("priority", "x"),
        ("priority", 1.5), ("priority", None), ("priority", 1e300), ("priority", []),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_used_is_refused_and_the_field_named(api, field, value):
    body = json.dumps({"name": "Europe", field: value})
    answer = api.post(LIST, body, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid")
    assert list(answer.json()["fields"]) == [field]
    assert not NodeGroup.objects.exists()


def test_a_name_is_there_once(api):
    make_group(name="Europe")
    answer = api.post(LIST, {"name": "Europe"})
    assert answer.status_code == 400
    assert "name" in answer.json()["fields"]


def test_a_group_may_keep_its_name_when_it_is_replaced(api):
    group = make_group(name="Europe")
    assert api.put(detail(group), {"name": "Europe", "region": "eu"}).status_code == 200
