"""Deleting a group leaves its nodes without one, counted and remembered."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.tests.builders import make_admin
from groups.models import NodeGroup
from groups.removal import delete_leaving_nodes
from nodes.models import Node
from nodes.tests.builders import make_group, make_node

pytestmark = pytest.mark.django_db


def test_the_nodes_stay_without_a_group_and_others_are_left_alone():
    doomed, kept = make_group(), make_group()
    inside, outside = make_node(group=doomed), make_node(group=kept)
    assert delete_leaving_nodes(doomed, None) == 1
    assert list(NodeGroup.objects.all()) == [kept]
    assert Node.objects.get(pk=inside.pk).group is None
    assert Node.objects.get(pk=outside.pk).group == kept


def test_the_history_of_each_node_says_who_did_it_and_why():
    group, user = make_group(name="Europe"), make_admin()
    node = make_node(group=group, name="fra1")
    delete_leaving_nodes(group, user)
    latest = node.history.first()
    assert (latest.history_type, latest.history_user, latest.group_id) == ("~", user, None)
    assert latest.history_change_reason == "Group deleted: Europe"
    assert latest.name == "fra1"


def test_the_history_of_the_group_says_who_deleted_it():
    group, user = make_group(), make_admin()
    pk = group.pk
    delete_leaving_nodes(group, user)
    latest = NodeGroup.history.filter(id=pk).first()
    assert (latest.history_type, latest.history_user) == ("-", user)


def test_an_empty_group_leaves_nothing():
    assert delete_leaving_nodes(make_group(), None) == 0


def test_a_group_that_is_gone_already_is_said_so():
    group = make_group()
    NodeGroup.objects.filter(pk=group.pk).delete()
    with pytest.raises(NodeGroup.DoesNotExist):
        delete_leaving_nodes(group, None)


def test_the_last_report_and_the_secret_of_a_node_are_untouched():
    group = make_group()
    node = make_node(group=group, health_json={"status": "ok"}, secret="s" + "0123456789ab" * 4)
    delete_leaving_nodes(group, None)
    left = Node.objects.get(pk=node.pk)
    assert left.health_json == {"status": "ok"}
    assert left.secret.reveal() == node.secret.reveal()
    assert left.updated_at > node.updated_at


def test_ten_thousand_nodes_are_ungrouped_by_a_bounded_number_of_queries():
    group = make_group()
    Node.objects.bulk_create(
        Node(name=f"n{n}", agent_url="http://127.0.0.1:1", group=group) for n in range(10_000)
    )
    with CaptureQueriesContext(connection) as queries:
        assert delete_leaving_nodes(group, None) == 10_000
    assert len(queries) < 300
    assert Node.history.filter(group=None, history_type="~").count() == 10_000


def test_a_long_name_does_not_overflow_the_reason():
    group = make_group(name="ü" * 64)
    node = make_node(group=group)
    delete_leaving_nodes(group, None)
    assert node.history.first().history_change_reason == f"Group deleted: {'ü' * 64}"
