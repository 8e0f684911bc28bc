"""What the pages of groups say about the nodes in them."""

import datetime as dt
import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.tests.builders import make_admin, make_staff
from nodes import group_admin
from nodes.models import Node, Status
from nodes.tests.builders import make_group, make_node, make_online_node

pytestmark = pytest.mark.django_db
LIST = reverse("admin:groups_nodegroup_changelist")
LATER = dt.timedelta(hours=1)


def url(name, group):
    return reverse(f"admin:groups_nodegroup_{name}", args=[group.pk])


def content(client, address):
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def names(shown):
    return re.findall(r"<bdi>(.*?)</bdi>", shown)


def test_the_list_counts_the_nodes_of_each_group_by_status(admin_client):
    europe = make_group(name="Europe")
    make_online_node(group=europe, active_peers=3)
    make_online_node(group=europe, active_peers=4)
    make_node(group=europe, status=Status.OFFLINE)
    make_online_node()
    shown = content(admin_client, LIST)
    for text in ("<b>3</b>", "2 online", "1 offline", "7 / 500"):
        assert text in shown


def test_the_list_costs_the_same_for_many_groups(admin_client, django_assert_num_queries):
    for _ in range(30):
        make_online_node(group=make_group())
    with django_assert_num_queries(7):
        content(admin_client, LIST)


def test_the_page_shows_the_nodes_of_the_group_and_no_others(admin_client):
    europe = make_group()
    make_online_node(name="ours", group=europe)
    make_online_node(name="theirs", group=make_group())
    assert names(content(admin_client, url("change", europe))) == ["ours"]


def test_of_a_large_group_the_page_shows_some_and_leads_to_all(admin_client, monkeypatch):
    monkeypatch.setattr(group_admin, "SHOWN_NODES", 2)
    europe = make_group()
    for number in range(3):
        make_online_node(name=f"n{number}", group=europe)
    shown = content(admin_client, url("live", europe))
    assert names(shown) == ["n0", "n1"]
    assert "All 3 nodes of this group" in shown
    assert f"?group={europe.pk}" in shown


def test_the_live_part_costs_six_queries(admin_client, django_assert_num_queries):
    europe = make_group()
    for _ in range(5):
        make_online_node(group=europe)
    with django_assert_num_queries(6):
        content(admin_client, url("live", europe))


def test_all_nodes_of_a_group_are_polled_and_no_others(admin_client):
    europe, later = make_group(), timezone.now() + LATER
    make_online_node(group=europe, next_poll_at=later)
    make_online_node(group=europe, next_poll_at=later)
    make_online_node(name="other", next_poll_at=later)
    shown = admin_client.post(url("poll", europe), follow=True).content.decode()
    assert "2 nodes will be asked now." in shown
    waiting = Node.objects.filter(next_poll_at__gt=timezone.now())
    assert [node.name for node in waiting] == ["other"]


def test_deleting_says_how_many_nodes_lose_their_group_and_keeps_them(admin_client):
    europe = make_group(name="Europe")
    nodes = [make_node(group=europe) for _ in range(2)]
    assert "Europe: 2 nodes will be without a group." in content(
        admin_client, url("delete", europe)
    )
    answer = admin_client.post(url("delete", europe), {"post": "yes"}, follow=True)
    assert "Without a group now: 2 nodes." in answer.content.decode()
    assert Node.objects.filter(group=None).count() == len(nodes)


def test_nobody_polls_a_group_by_get_or_without_the_token():
    europe, client = make_group(), Client(enforce_csrf_checks=True)
    client.force_login(make_admin())
    assert client.get(url("poll", europe)).status_code == 405
    assert client.post(url("poll", europe)).status_code == 403


def test_polling_a_group_needs_the_right_to_change_nodes(client):
    client.force_login(make_staff("groups.change_nodegroup", "nodes.view_node"))
    assert client.post(url("poll", make_group())).status_code == 403


def test_who_may_not_see_nodes_sees_the_group_without_them(client):
    europe = make_group()
    make_online_node(name="unseen", group=europe)
    client.force_login(make_staff("groups.view_nodegroup"))
    for address in (LIST, url("change", europe)):
        assert "unseen" not in content(client, address)
    assert "1 online" not in content(client, LIST)
    assert client.get(url("live", europe)).status_code == 403


def test_a_group_that_is_gone_stops_its_live_view_and_cannot_be_polled(admin_client):
    europe = make_group()
    live, poll = url("live", europe), url("poll", europe)
    europe.delete()
    answer = admin_client.get(live)
    assert (answer.status_code, b"This group is gone" in answer.content) == (286, True)
    assert admin_client.post(poll).status_code == 404
