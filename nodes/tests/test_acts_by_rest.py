"""What can be done to nodes through the REST API: poll, test, assign, forget."""

import datetime as dt
import json
import uuid

import pytest
from django.utils import timezone

from nodes.calling import client as agent_client
from nodes.models import Node
from nodes.tests.builders import make_group, make_node, make_online_node

pytestmark = pytest.mark.django_db
LIST = "/api/v1/nodes/"


def detail(node, act: str = "") -> str:
    return f"{LIST}{node.pk}/{act}"


def is_due(*nodes) -> list[bool]:
    now = timezone.now()
    return [Node.objects.get(pk=node.pk).next_poll_at <= now for node in nodes]


def make_waiting_node(**fields):
    return make_online_node(**{"next_poll_at": timezone.now() + dt.timedelta(hours=1), **fields})


def test_poll_now_makes_one_node_due(api):
    chosen, other = make_waiting_node(), make_waiting_node()
    answer = api.post(detail(chosen, "poll/"))
    assert (answer.status_code, answer.json()) == (202, {"requested": 1})
    assert is_due(chosen, other) == [True, False]


def test_a_disabled_node_cannot_be_polled(api):
    node = make_waiting_node(enabled=False)
    answer = api.post(detail(node, "poll/"))
    assert (answer.status_code, answer.json()["error"]) == (409, "node_is_disabled")
    assert is_due(node) == [False]


def test_a_selection_is_polled_without_its_disabled_nodes(api):
    chosen, other = make_waiting_node(), make_waiting_node()
    disabled = make_waiting_node(enabled=False)
    answer = api.post(f"{LIST}poll/", {"ids": [str(chosen.pk), str(disabled.pk)]})
    assert (answer.status_code, answer.json()) == (202, {"requested": 1})
    assert is_due(chosen, other, disabled) == [True, False, False]


def test_a_group_or_the_nodes_without_one_are_polled(api):
    group = make_group(name="Europe")
    inside, outside = make_waiting_node(group=group), make_waiting_node()
    assert api.post(f"{LIST}poll/", {"group": "Europe"}).json() == {"requested": 1}
    assert is_due(inside, outside) == [True, False]
    assert api.post(f"{LIST}poll/", {"group": None}).json() == {"requested": 1}
    assert is_due(inside, outside) == [True, True]


def test_a_group_is_polled_at_its_own_address(api):
    group = make_group()
    inside, outside = make_waiting_node(group=group), make_waiting_node()
    answer = api.post(f"/api/v1/groups/{group.pk}/poll/")
    assert (answer.status_code, answer.json()) == (202, {"requested": 1})
    assert is_due(inside, outside) == [True, False]
    assert api.post(f"/api/v1/groups/{uuid.uuid4()}/poll/").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "non_field_errors"),
        ([], "non_field_errors"),
        ({"ids": [str(uuid.UUID(int=1))], "group": None}, "ids"),
        ({"ids": []}, "ids"),
        ({"ids": "x"}, "ids"),
        ({"ids": ["x"]}, "ids"),
        ({"ids": [None]}, "ids"),
        ({"ids": ["\ud800"]}, "ids"),
        ({"ids": [str(uuid.uuid4())]}, "ids"),
        ({"ids": [str(uuid.uuid4())] * 1001}, "ids"),
        ({"group": "Atlantis"}, "group"),
        ({"group": 1}, "group"),
    ],
)
def test_a_selection_that_names_nothing_is_refused(api, body, field):
    answer = api.post(f"{LIST}poll/", json.dumps(body), content_type="application/json")
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [field]


def test_a_selection_is_ids_or_a_group_and_not_both(api):
    answer = api.post(f"{LIST}poll/", {"ids": [str(make_node().pk)], "group": None})
    assert answer.json()["fields"] == {"non_field_errors": ["Send either ids or group."]}


def test_a_test_of_a_port_where_nobody_listens_says_so(api):
    answer = api.post(detail(make_node(agent_url="http://127.0.0.1:1"), "test/"))
    assert answer.status_code == 200
    assert answer.json()["ok"] is False
    assert answer.json()["code"] == "refused"
    assert answer.json()["latency_ms"] is None


def test_a_test_that_passes_shows_what_was_measured(api, monkeypatch):
    found = agent_client.SignedAnswer("1.2.3", 4.567, -20, report=None)
    monkeypatch.setattr(agent_client, "test_connection", lambda node: found)
    told = api.post(detail(make_node(), "test/")).json()
    assert told["ok"] is True
    assert (told["version"], told["latency_ms"], told["clock_skew_ms"]) == ("1.2.3", 4.6, -20)


@pytest.mark.parametrize("by", ["pk", "name"])
def test_a_node_is_put_into_a_group_and_out_again(api, user, by):
    node, group = make_online_node(), make_group(name="Europe")
    answer = api.post(detail(node, "assign-group/"), {"group": str(getattr(group, by))})
    assert (answer.status_code, answer.json()["group_name"]) == (200, "Europe")
    assert node.history.first().history_user == user
    assert api.post(detail(node, "assign-group/"), {"group": None}).json()["group"] is None


@pytest.mark.parametrize("body", [{"group": "Atlantis"}, {"group": []}, {}, []])
def test_a_group_that_is_not_there_is_not_assigned(api, body):
    group = make_group()
    node = make_node(group=group)
    assert api.post(detail(node, "assign-group/"), body).status_code == 400
    assert Node.objects.get().group == group


def test_forgetting_a_node_says_what_went_with_it(api, user):
    node = make_node()
    answer = api.delete(detail(node))
    assert answer.status_code == 200
    assert any("secret" in sentence for sentence in answer.json()["went_with_it"])
    assert Node.history.filter(id=node.pk).first().history_user == user
    assert api.delete(detail(node)).status_code == 404


def test_a_node_that_answers_is_not_forgotten_until_it_is_disabled(api):
    node = make_online_node()
    answer = api.delete(detail(node))
    assert (answer.status_code, answer.json()["error"]) == (409, "node_still_answers")
    assert "Disable it first" in answer.json()["detail"]
    api.patch(detail(node), {"enabled": False})
    assert api.delete(detail(node)).status_code == 200
