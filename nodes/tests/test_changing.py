"""One change to many nodes: those that differ, each with its history."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.tests.builders import make_admin
from nodes.changing import change
from nodes.models import Node, PollingPolicy
from nodes.tests.builders import make_group, make_node, make_online_node

pytestmark = pytest.mark.django_db


def test_the_nodes_of_the_selection_change_and_no_others():
    chosen, other = make_node(), make_node()
    assert change(Node.objects.filter(pk=chosen.pk), None, maintenance=True) == 1
    assert list(Node.objects.filter(maintenance=True)) == [chosen]
    assert Node.objects.get(pk=other.pk).updated_at == other.updated_at


def test_nodes_that_have_the_value_already_are_neither_counted_nor_remembered():
    make_node(enabled=False)
    changed = make_node(enabled=True)
    before = Node.history.count()
    assert change(Node.objects.all(), None, enabled=False) == 1
    assert Node.history.count() == before + 1
    assert Node.history.first().id == changed.pk


def test_several_fields_change_where_any_of_them_differs():
    group = make_group()
    make_node(group=group, enabled=False)
    make_node(group=group)
    make_node(enabled=False)
    assert change(Node.objects.all(), None, group=group, enabled=False) == 2
    assert Node.objects.filter(group=group, enabled=False).count() == 3


def test_the_history_says_who_and_has_the_whole_node():
    user, group = make_admin(), make_group()
    node = make_node(name="fra1", weight=2.5)
    change(Node.objects.all(), user, group=group)
    latest = node.history.first()
    assert (latest.history_type, latest.history_user, latest.group_id) == ("~", user, group.pk)
    assert (latest.name, latest.weight, latest.agent_url) == ("fra1", 2.5, node.agent_url)


def test_a_node_leaves_its_group():
    make_node(group=make_group())
    make_node()
    assert change(Node.objects.all(), None, group=None) == 1
    assert Node.objects.filter(group=None).count() == 2


def test_the_report_and_the_secret_stay():
    node = make_online_node()
    change(Node.objects.all(), None, maintenance=True)
    left = Node.objects.get(pk=node.pk)
    assert (left.health_json, left.status) == (node.health_json, node.status)
    assert left.secret.reveal() == node.secret.reveal()


def test_a_selection_that_is_filtered_by_what_changes_is_changed_whole():
    for _ in range(3):
        make_node(enabled=True)
    assert change(Node.objects.filter(enabled=True), None, enabled=False) == 3


@pytest.mark.parametrize("ordering", ["name", "-standing", "group__name"])
def test_an_annotated_and_ordered_selection_will_do(ordering):
    make_node(), make_node(group=make_group())
    shown = Node.objects.with_standing(PollingPolicy.current().interval).select_related("group")
    assert change(shown.order_by(ordering), None, maintenance=True) == 2
    assert change(shown.order_by(ordering)[:1], None, maintenance=False) == 1


def test_an_empty_selection_changes_nothing():
    assert change(Node.objects.none(), None, enabled=False) == 0


@pytest.mark.parametrize("field", ["name", "secret", "status", "agent_url", "pk", "nonsense"])
def test_a_field_that_is_not_for_many_is_refused(field):
    node = make_node()
    with pytest.raises(ValueError, match=field):
        change(Node.objects.all(), None, **{"enabled": False, field: "x"})
    assert Node.objects.get(pk=node.pk).enabled


def test_two_thousand_nodes_take_a_bounded_number_of_queries():
    Node.objects.bulk_create(
        Node(name=f"n{n}", agent_url="http://127.0.0.1:1") for n in range(2000)
    )
    with CaptureQueriesContext(connection) as queries:
        assert change(Node.objects.all(), None, maintenance=True) == 2000
    assert len(queries) < 60
    assert Node.history.filter(maintenance=True).count() == 2000
