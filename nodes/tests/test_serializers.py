"""The shape of a node in HTTP, apart from any request."""

import secrets
import uuid

import pytest
from rest_framework.exceptions import ErrorDetail

from nodes.models import Node, PollingPolicy
from nodes.serializers import (
    GroupChoiceSerializer,
    NodeCreateSerializer,
    NodeSerializer,
    SelectionSerializer,
)
from nodes.tests.builders import make_group, make_node, make_online_node, make_report

pytestmark = pytest.mark.django_db


def shown(node, *left_out: str) -> dict:
    nodes = Node.objects.with_standing(PollingPolicy.current().interval).defer(*left_out)
    return NodeSerializer(nodes.get(pk=node.pk)).data


def test_a_node_is_shown_with_every_typed_column_and_its_report():
    group = make_group(name="Europe", region="eu")
    row = shown(make_online_node(name="fra1", group=group))
    assert (row["name"], row["group"], row["group_name"]) == ("fra1", group.pk, "Europe")
    assert (row["status"], row["cpu_percent"], row["active_peers"]) == ("online", 12.5, 3)
    assert row["health_json"] == make_report()


@pytest.mark.parametrize("group", [None, "Europe"])
def test_the_same_keys_are_there_with_and_without_a_group(group):
    row = shown(make_node(group=group and make_group(name=group)))
    assert set(row) == set(NodeSerializer.Meta.fields) - {"secret"}
    assert row["group_name"] == group


def test_a_report_that_was_not_read_is_null_and_not_fetched(django_assert_num_queries):
    node = make_online_node()
    with django_assert_num_queries(2):
        assert shown(node, "health_json")["health_json"] is None


def test_the_secret_is_in_no_view_of_a_bound_serializer():
    secret = secrets.token_hex(32)
    serializer = NodeCreateSerializer(
        data={"name": "n", "agent_url": "http://127.0.0.1:1", "secret": secret}
    )
    assert serializer.is_valid(), serializer.errors
    node = serializer.save()
    assert secret not in f"{shown(node)} {node!r} {node.__dict__}"


def test_a_new_secret_is_required_once_and_optional_afterwards():
    assert NodeCreateSerializer().fields["secret"].required
    assert not NodeSerializer().fields["secret"].required


@pytest.mark.parametrize("serializer", [NodeSerializer, NodeCreateSerializer])
def test_what_polling_writes_is_read_only(serializer):
    writable = {name for name, field in serializer().fields.items() if not field.read_only}
    expected = {
        "name", "agent_url", "tls_pin", "next_tls_pin", "allow_plain_http", "group", "enabled",
        "maintenance", "weight", "max_peers", "secret",
    }  # fmt: skip
    assert writable - {"id"} == expected
    assert ("id" in writable) is (serializer is NodeCreateSerializer)


def test_no_group_may_be_chosen_but_must_be_said():
    chosen = GroupChoiceSerializer(data={"group": None})
    assert chosen.is_valid()
    assert chosen.validated_data == {"group": None}
    assert not GroupChoiceSerializer(data={}).is_valid()


def test_unknown_ids_are_named():
    known, unknown = make_node().pk, uuid.UUID(int=7)
    selection = SelectionSerializer(data={"ids": [str(known), str(unknown)]})
    assert not selection.is_valid()
    assert selection.errors["ids"] == [ErrorDetail(f"There is no node {unknown}.", "invalid")]


def test_a_thousand_ids_are_checked_by_one_query(django_assert_num_queries):
    ids = [str(make_node().pk)] * 1000
    with django_assert_num_queries(1):
        assert SelectionSerializer(data={"ids": ids}).is_valid()
