"""The page of one node: its live view, and what can be done to it."""

import datetime as dt
import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.tests.builders import make_admin, make_staff
from nodes import admin, admin_pages
from nodes.calling.client import SignedAnswer
from nodes.calling.exchange import AgentError
from nodes.models import Node, Status
from nodes.tests.builders import (
    PUBLIC_KEY,
    make_group,
    make_interface,
    make_node,
    make_online_node,
    make_report,
)
from peers.tests.builders import make_interface as make_panel_interface
from peers.tests.builders import make_peer

pytestmark = pytest.mark.django_db


def url(name, node):
    return reverse(f"admin:nodes_node_{name}", args=[node.pk])


def content(client, address):
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def test_the_live_view_shows_status_load_and_interfaces(admin_client):
    report = make_report(
        interfaces={
            "wg0": make_interface(active_peers=3, peer_count=5, total_rx_bytes=5 * 2**30),
            "wg1": make_interface(status="down", condition="half_applied", listen_port=51999),
        }
    )
    shown = content(admin_client, url("live", make_online_node(health_json=report)))
    for text in ("Online", "wg0", "3 / 5", "5.0 GiB", "down", "half applied", "51999"):
        assert text in shown
    assert f'data-copy="{PUBLIC_KEY}"' in shown


def test_the_live_view_says_why_and_since_when_a_node_is_down(admin_client):
    since = timezone.now() - dt.timedelta(minutes=4)
    node = make_node(
        status=Status.OFFLINE, status_reason="Connection refused.", status_since=since, failures=6
    )
    shown = content(admin_client, url("live", node))
    for text in ("Offline", "Connection refused.", ">4 min ago<", ">6<", "No report yet."):
        assert text in shown


def test_a_stale_node_is_so_since_it_was_asked_last(admin_client):
    now = timezone.now()
    node = make_online_node(
        status_since=now - dt.timedelta(days=3),
        last_attempt_at=now - dt.timedelta(minutes=4),
        next_poll_at=now - dt.timedelta(minutes=3),
    )
    facts = content(admin_client, url("live", node)).partition("So since")[2].partition("</dd>")[0]
    assert ">4 min ago<" in facts


@pytest.mark.parametrize(
    ("skew", "warned"), [(None, False), (5000, False), (5001, True), (-7000, True)]
)
def test_a_clock_more_than_5_s_off_is_a_warning(admin_client, skew, warned):
    shown = content(admin_client, url("live", make_online_node(clock_skew_ms=skew)))
    assert ("clock is" in shown) is warned


def test_a_report_that_is_not_understood_is_shown_raw(admin_client):
    node = make_online_node(health_json={"status": "ok", "of": "another version"})
    shown = content(admin_client, url("live", node))
    assert "another version of the agent" in shown
    assert "&quot;of&quot;: &quot;another version&quot;" in shown


def test_what_a_report_carries_is_text_and_nothing_else(admin_client):
    report = make_report(
        interfaces={"<b>wg</b>": make_interface(condition='"><script>alert(1)</script>')},
        version="<img src=x>",
    )
    shown = content(admin_client, url("live", make_online_node(health_json=report)))
    assert "&lt;b&gt;wg&lt;" in shown
    for markup in ("<b>wg", "<script>", "<img"):
        assert markup not in shown


def test_interfaces_that_are_not_ours_say_so_and_come_last(admin_client):
    report = make_report(interfaces={"aaa": make_interface(managed=False), "wg0": make_interface()})
    shown = content(admin_client, url("interfaces", make_online_node(health_json=report)))
    assert re.findall("<bdi>(.*?)</bdi>", shown) == ["wg0", "aaa"]
    assert "left alone" in shown


def test_an_interface_of_the_panel_stands_beside_those_that_the_agent_reports(admin_client):
    told = {"wg0": make_interface(active_peers=1, drift=2), "office": make_interface(managed=False)}
    node = make_online_node(health_json=make_report(interfaces=told))
    ours = make_panel_interface(node=node, name="wg0", condition="drifted")
    make_peer(interface=ours)
    waiting = make_panel_interface(node=node, name="wg9", condition="pending", sync_error="No way.")
    shown = content(admin_client, url("live", node))
    assert re.findall("<bdi>(wg.|office)</bdi>", shown) == ["wg0", "wg9", "office"]
    for text in ("Drifted", "2 differences", "1 / 1", "Waiting for the node", "No way.", "– / 0"):
        assert text in shown
    for row in (ours, waiting):
        assert reverse("admin:nodes_interface_change", args=[row.pk]) in shown


def test_who_may_not_see_interfaces_gets_no_link_to_them(client):
    ours = make_panel_interface()
    client.force_login(make_staff("nodes.view_node"))
    shown = content(client, url("live", ours.node))
    assert ours.name in shown
    assert reverse("admin:nodes_interface_change", args=[ours.pk]) not in shown


def test_the_page_of_a_node_leads_to_a_new_interface_of_it(admin_client):
    node = make_node()
    add = f"{reverse('admin:nodes_interface_add')}?node={node.pk}"
    assert add in content(admin_client, url("live", node))
    assert f'value="{node.pk}" selected' in content(admin_client, add)


def test_a_node_that_is_gone_stops_its_live_view(admin_client):
    node = make_node()
    address = url("live", node)
    node.delete()
    response = admin_client.get(address)
    assert (response.status_code, b"This node is gone" in response.content) == (286, True)


def test_the_live_view_costs_five_queries(admin_client, django_assert_num_queries):
    node = make_online_node(group=make_group())
    with django_assert_num_queries(5):
        content(admin_client, url("live", node))


def test_a_connection_is_tested_by_a_signed_call(admin_client, monkeypatch):
    answer = SignedAnswer("1.4.2", 12.3, 6200, report=None)
    monkeypatch.setattr(admin_pages, "test_connection", lambda node: answer)
    shown = admin_client.post(url("test", make_node())).content.decode()
    for text in ("signed", "1.4.2", "12 ms", "+6.2 s"):
        assert text in shown


def test_a_failed_test_says_why(admin_client, monkeypatch):
    def refuse(node):
        raise AgentError("wrong_key", "The agent does not know this secret.")

    monkeypatch.setattr(admin_pages, "test_connection", refuse)
    shown = admin_client.post(url("test", make_node())).content.decode()
    assert "The agent does not know this secret." in shown
    assert "wrong_key" in shown


def test_a_test_against_a_closed_port_is_a_sentence(admin_client):
    shown = admin_client.post(url("test", make_node(agent_url="http://127.0.0.1:9"))).content
    assert b"No answer that can be believed." in shown


def test_poll_now_makes_the_node_due(admin_client):
    node = make_node(next_poll_at=timezone.now() + dt.timedelta(hours=1))
    shown = admin_client.post(url("poll", node), follow=True).content.decode()
    assert "1 node will be asked now." in shown
    assert Node.objects.get().next_poll_at <= timezone.now()


def test_maintenance_starts_and_ends(admin_client):
    node = make_node()
    admin_client.post(url("maintenance", node), {"wanted": "on"})
    assert Node.objects.get().maintenance is True
    admin_client.post(url("maintenance", node), {"wanted": "off"})
    assert Node.objects.get().maintenance is False
    assert node.history.count() == 3


def test_forgetting_says_what_goes_and_needs_a_yes(admin_client):
    node = make_node(status=Status.OFFLINE)
    assert "can no longer call its agent" in content(admin_client, url("delete", node))
    assert Node.objects.exists()
    admin_client.post(url("delete", node), {"post": "yes"})
    assert not Node.objects.exists()


def test_a_node_that_answers_is_not_forgotten_and_the_way_out_is_named(admin_client):
    node = make_online_node()
    assert "disable it first" in content(admin_client, url("delete", node))
    shown = admin_client.post(url("delete", node), {"post": "yes"}).content.decode()
    assert "disable it first" in shown
    assert Node.objects.exists()


def test_a_node_that_answers_again_after_the_question_is_not_forgotten(admin_client, monkeypatch):
    node = make_node(status=Status.OFFLINE)
    question = admin.NodeAdmin.get_deleted_objects

    def and_then_it_answers(self, objs, request):
        answer = question(self, objs, request)
        Node.objects.update(status=Status.ONLINE)
        return answer

    monkeypatch.setattr(admin.NodeAdmin, "get_deleted_objects", and_then_it_answers)
    shown = admin_client.post(url("delete", node), {"post": "yes"}, follow=True).content.decode()
    assert "Disable it first." in shown
    assert Node.objects.exists()


@pytest.mark.parametrize("name", ["test", "poll", "maintenance"])
def test_nothing_is_done_by_get(admin_client, name):
    assert admin_client.get(url(name, make_node())).status_code == 405


@pytest.mark.parametrize("name", ["test", "poll", "maintenance", "delete"])
def test_nothing_is_done_without_the_csrf_token(name):
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_admin())
    assert client.post(url(name, make_node()), {"post": "yes"}).status_code == 403
    assert Node.objects.exists()


@pytest.mark.parametrize("name", ["test", "poll", "maintenance", "delete", "change"])
def test_who_may_only_look_does_nothing(client, name):
    client.force_login(make_staff("nodes.view_node"))
    assert client.post(url(name, make_node()), {"name": "x"}).status_code == 403


@pytest.mark.parametrize("name", ["live", "interfaces", "change", "history"])
def test_who_may_not_see_nodes_sees_none(client, name):
    client.force_login(make_staff("groups.view_nodegroup"))
    assert client.get(url(name, make_node())).status_code == 403


@pytest.mark.parametrize("name", ["live", "interfaces", "change"])
def test_who_is_not_logged_in_is_sent_to_the_login(client, name):
    assert "/admin/login/" in client.get(url(name, make_node())).url


def test_who_may_only_look_is_shown_no_form_and_no_button(client):
    client.force_login(make_staff("nodes.view_node"))
    shown = content(client, url("change", make_online_node()))
    assert "Test connection" not in shown
    assert "new_secret" not in shown


@pytest.mark.parametrize("name", ["test", "poll", "maintenance"])
def test_an_unknown_node_is_not_found(admin_client, name):
    node = make_node()
    address = url(name, node)
    node.delete()
    assert admin_client.post(address).status_code == 404


def test_the_live_view_says_why_the_score_is_what_it_is(admin_client):
    node = make_online_node(active_peers=100, cpu_percent=85, memory_percent=60, assigned_peers=9)
    shown = content(admin_client, url("live", node))
    for text in ("0.95", "100 of 250 peers make 0.4", "CPU 85 % adds 0.5", "takes them", "9 / 250"):
        assert text in shown


def test_the_live_view_says_why_no_peer_goes_to_the_node(admin_client):
    node = make_online_node(maintenance=True)
    shown = content(admin_client, url("live", node))
    assert "takes none" in shown
    assert "In maintenance" in shown
