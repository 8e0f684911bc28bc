"""What an operator does to many nodes at once."""

import datetime as dt

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.tests.builders import make_admin, make_staff
from nodes.models import Node, Status
from nodes.tests.builders import make_group, make_node, make_online_node

pytestmark = pytest.mark.django_db
LIST = reverse("admin:nodes_node_changelist")
LATER = dt.timedelta(hours=1)


def run(client, action, *nodes, query="", **data):
    chosen = {"action": action, ACTION_CHECKBOX_NAME: [str(node.pk) for node in nodes], **data}
    return client.post(LIST + query, chosen, follow=True)


def test_poll_now_makes_the_chosen_nodes_due_and_no_others(admin_client):
    later = timezone.now() + LATER
    chosen, other = make_online_node(next_poll_at=later), make_online_node(next_poll_at=later)
    assert b"1 node will be asked now." in run(admin_client, "poll_now", chosen).content
    chosen.refresh_from_db()
    other.refresh_from_db()
    assert chosen.next_poll_at < timezone.now() + dt.timedelta(seconds=1)
    assert other.next_poll_at == later


def test_poll_now_says_that_a_disabled_node_is_not_asked(admin_client):
    answer = run(admin_client, "poll_now", make_node(enabled=False))
    assert b"Nobody is asked" in answer.content


@pytest.mark.parametrize(
    ("action", "field", "before", "after"),
    [
        ("start_maintenance", "maintenance", False, True),
        ("end_maintenance", "maintenance", True, False),
        ("disable", "enabled", True, False),
        ("enable", "enabled", False, True),
    ],
)
def test_a_flag_is_set_on_the_chosen_nodes_and_remembered(
    admin_client, action, field, before, after
):
    chosen, other = make_node(**{field: before}), make_node(**{field: before})
    assert b"Changed 1 node" in run(admin_client, action, chosen).content
    values = dict(Node.objects.values_list("pk", field))
    assert values == {chosen.pk: after, other.pk: before}
    assert chosen.history.first().history_user.is_superuser


def test_all_nodes_of_a_narrowed_list_are_counted_although_they_leave_it(admin_client):
    nodes = [make_node(), make_node()]
    answer = run(
        admin_client, "start_maintenance", nodes[0], query="?maintenance=no", select_across="1"
    )
    assert b"Changed 2 nodes: now in maintenance." in answer.content
    assert Node.objects.filter(maintenance=True).count() == 2


def test_nodes_that_were_so_before_are_counted_apart(admin_client):
    nodes = [make_node(maintenance=True), make_node()]
    answer = run(admin_client, "start_maintenance", *nodes)
    assert b"Changed 1 node: now in maintenance (1 were so before)." in answer.content


def test_moving_to_a_group_asks_for_the_group_first(admin_client):
    europe, node = make_group(name="Europe"), make_node()
    question = run(admin_client, "assign_group", node).content.decode()
    assert "Europe" in question
    assert str(node.pk) in question
    node.refresh_from_db()
    assert node.group is None
    run(admin_client, "assign_group", node, group=str(europe.pk), chosen="yes")
    node.refresh_from_db()
    assert node.group == europe


def test_moving_to_no_group_ungroups(admin_client):
    node = make_node(group=make_group())
    run(admin_client, "assign_group", node, group="", chosen="yes")
    node.refresh_from_db()
    assert node.group is None


def test_a_group_that_is_none_moves_nobody(admin_client):
    node = make_node(group=make_group())
    before = node.group
    run(admin_client, "assign_group", node, group=str(node.pk), chosen="yes")
    node.refresh_from_db()
    assert node.group == before


@pytest.mark.parametrize("action", ["poll_now", "start_maintenance", "disable", "assign_group"])
def test_who_may_only_look_changes_nothing_by_guessing_an_action(client, action):
    client.force_login(make_staff("nodes.view_node"))
    node = make_node(next_poll_at=timezone.now() + LATER)
    run(client, action, node, group="", chosen="yes")
    later = Node.objects.get(pk=node.pk)
    assert (later.maintenance, later.enabled) == (False, True)
    assert later.next_poll_at == node.next_poll_at


def test_an_action_without_the_csrf_token_is_refused():
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_admin())
    node = make_node()
    assert run(client, "start_maintenance", node).status_code == 403
    node.refresh_from_db()
    assert node.maintenance is False


def test_forgetting_several_names_what_goes_with_each_and_asks(admin_client):
    nodes = [make_node(status=Status.OFFLINE, name=name) for name in ("dead-1", "dead-2")]
    question = run(admin_client, "delete_selected", *nodes).content.decode()
    assert "dead-1" in question
    assert "dead-2" in question
    assert "can no longer call its agent" in question
    assert Node.objects.count() == 2
    run(admin_client, "delete_selected", *nodes, post="yes")
    assert not Node.objects.exists()
    assert Node.history.filter(history_type="-").count() == 2


def test_one_that_answers_keeps_all_of_them_from_being_forgotten(admin_client):
    nodes = [make_node(status=Status.OFFLINE), make_online_node(name="well")]
    answer = run(admin_client, "delete_selected", *nodes, post="yes").content.decode()
    assert "disable it first" in answer
    assert Node.objects.count() == 2
