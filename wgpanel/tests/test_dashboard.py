"""The first page: the fleet at a glance, for those who may see it."""

import datetime as dt
import re

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.tests.builders import make_staff
from nodes.models import FleetAlarm, Node, Status
from nodes.polls import poll_counts
from nodes.tests.builders import make_group, make_node, make_online_node
from schedule.models import Heartbeat

pytestmark = pytest.mark.django_db
INDEX, LIVE = reverse("admin:index"), reverse("dashboard-live")


def content(client, address=INDEX):
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def marked_links(page):
    return set(re.findall(r'<a href="([^"]+)" class="[^"]* active"', page))


def beat(poll_age_seconds=0):
    now = timezone.now()
    Heartbeat.objects.create(name="beat", beat_at=now)
    Heartbeat.objects.create(name="poll", beat_at=now - dt.timedelta(seconds=poll_age_seconds))


def test_an_empty_fleet_explains_how_to_add_a_node(admin_client):
    shown = content(admin_client)
    assert "Your fleet has no nodes yet" in shown
    assert reverse("admin:nodes_jointoken_add") in shown


def test_the_fleet_is_counted_by_status(admin_client):
    make_online_node(active_peers=30)
    make_online_node(active_peers=8)
    make_node(status=Status.OFFLINE, active_peers=500)
    shown = content(admin_client)
    for text in ("2 online", "1 offline", "38 / 500"):
        assert text in shown


def test_who_needs_attention_is_named_with_the_reason(admin_client):
    make_node(name="fra-7", status=Status.OFFLINE, status_reason="Connection refused.")
    shown = content(admin_client)
    assert "fra-7" in shown
    assert "Connection refused." in shown


def test_a_fleet_in_good_health_needs_nobody(admin_client):
    make_online_node()
    assert "Every node that is polled answers" in content(admin_client)


def test_the_fullest_node_is_the_first_of_the_busiest(admin_client):
    make_online_node(name="half-full", active_peers=125)
    make_online_node(name="nearly-full", active_peers=240)
    shown = content(admin_client).partition("Busiest nodes")[2]
    assert shown.index("nearly-full") < shown.index("half-full")


def test_the_polls_of_the_last_hour_are_counted(admin_client):
    make_online_node()
    poll_counts.note(70, 2, timezone.now())
    poll_counts.note(30, 0, timezone.now() - dt.timedelta(hours=2))
    shown = content(admin_client)
    assert "70 answered, 2 failed, 72 at most in a minute" in shown


def test_a_dead_poller_says_since_when_the_status_is_old_and_no_node_is_called_offline(
    admin_client,
):
    beat(poll_age_seconds=61)
    long_ago = timezone.now() - dt.timedelta(seconds=61)
    make_online_node(last_attempt_at=long_ago, next_poll_at=long_ago)
    shown = content(admin_client)
    assert "Status is old since" in shown
    assert "1 stale" in shown
    assert "offline" not in shown.partition("Needs attention")[0]


def test_a_fleet_alarm_is_shown_while_it_is_open(admin_client):
    beat()
    make_online_node()
    alarm = FleetAlarm.objects.create(failing=12, polled=40)
    assert "12 of 40 nodes failed within a minute" in content(admin_client)
    FleetAlarm.objects.filter(pk=alarm.pk).update(closed_at=timezone.now())
    assert "12 of 40" not in content(admin_client)


@pytest.mark.parametrize(("address", "queries"), [(INDEX, 14), (LIVE, 14)])
@pytest.mark.parametrize("nodes", [1, 30])
def test_the_dashboard_costs_the_same_for_any_fleet(
    admin_client, django_assert_num_queries, address, queries, nodes
):
    for _ in range(nodes):
        make_online_node(group=make_group())
    with django_assert_num_queries(queries):
        content(admin_client, address)


def test_no_report_and_no_secret_is_read_for_the_dashboard(admin_client, django_assert_num_queries):
    make_online_node(group=make_group())
    with django_assert_num_queries(14) as queries:
        content(admin_client, LIVE)
    assert not [q for q in queries if "health_json" in q["sql"] or '"secret"' in q["sql"]]


def test_the_live_part_is_the_same_without_the_page_around_it(admin_client):
    make_online_node(name="fra-1")
    shown = content(admin_client, LIVE)
    assert "fra-1" in shown
    assert "<html" not in shown


def test_staff_without_the_right_see_no_nodes_here_either(client):
    make_node(name="fra-7", status=Status.OFFLINE)
    client.force_login(make_staff("groups.view_nodegroup"))
    for address in (INDEX, LIVE):
        assert "fra-7" not in content(client, address)


def test_who_is_not_logged_in_is_sent_to_the_login(client):
    for address in (INDEX, LIVE):
        assert "/admin/login/" in client.get(address).url


def test_the_login_leads_to_the_dashboard(client, django_user_model):
    django_user_model.objects.create_superuser("boss", password="violet-otter-pours-tea")
    form = {"username": "boss", "password": "violet-otter-pours-tea"}
    assert client.post(reverse("admin:login"), form).url == INDEX


def test_the_sidebar_offers_what_one_may_see(client):
    client.force_login(make_staff("nodes.view_node"))
    shown = content(client)
    assert reverse("admin:nodes_node_changelist") in shown
    assert reverse("admin:auth_user_changelist") not in shown


def test_one_link_of_the_sidebar_is_marked_as_where_one_is(admin_client):
    tokens, add = reverse("admin:nodes_jointoken_changelist"), reverse("admin:nodes_jointoken_add")
    marked = {address: marked_links(content(admin_client, address)) for address in (tokens, add)}
    assert marked == {tokens: {tokens}, add: {add}}


def test_the_command_palette_finds_nodes_and_groups(admin_client):
    make_node(name="fra-7", group=make_group(name="frankfurt"))
    shown = content(admin_client, reverse("admin:search") + "?s=fra&extended=1")
    assert "fra-7" in shown
    assert "frankfurt" in shown


def test_the_command_palette_shows_a_few_of_many(admin_client):
    for number in range(30):
        make_node(name=f"many-{number}")
    shown = content(admin_client, reverse("admin:search") + "?s=many&extended=1")
    assert shown.count("data-title=") == 10


def test_the_command_palette_finds_nothing_that_one_may_not_see(client):
    make_node(name="fra-7")
    client.force_login(make_staff("groups.view_nodegroup"))
    shown = content(client, reverse("admin:search") + "?s=fra&extended=1")
    assert "fra-7" not in shown


def test_what_the_command_palette_finds_is_text(admin_client):
    node = make_node(name="fra")
    Node.objects.filter(pk=node.pk).update(name="fra<script>alert(1)</script>")
    shown = content(admin_client, reverse("admin:search") + "?s=fra&extended=1")
    assert "<script>alert" not in shown
