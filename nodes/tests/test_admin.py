"""The list of nodes, as an operator sees it."""

import datetime as dt
import re

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.tests.builders import make_staff
from nodes.models import FleetAlarm, Node, PollingPolicy, Status
from nodes.tests.builders import make_group, make_node, make_online_node
from schedule.models import Heartbeat

pytestmark = pytest.mark.django_db
LIST = reverse("admin:nodes_node_changelist")
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{7*7}}${7*7}",
    "' x-init='alert(1)",
    "abc\u202egnp.exe",
]


@pytest.fixture
def alive():
    Heartbeat.beat("beat")
    Heartbeat.beat("poll")


def page(client, **query):
    response = client.get(LIST, query)
    assert response.status_code == 200
    return response.content.decode()


def names(client, **query):
    found = re.findall(r"<bdi>(.*?)</bdi>", page(client, **query))
    return sorted(found)


def test_a_node_is_shown_with_its_status_load_and_peers(admin_client, alive):
    make_online_node(
        name="fra-1", cpu_percent=93.4, active_peers=38, group=make_group(name="Europe")
    )
    shown = page(admin_client)
    for text in ("fra-1", "Online", "93 %", "38 / 250", "Europe", "1.0.0"):
        assert text in shown


def test_a_node_that_never_reported_says_never_and_not_1970(admin_client, alive):
    make_node()
    shown = page(admin_client)
    assert ">never<" in shown
    assert "1970" not in shown


def test_a_bad_status_says_why(admin_client, alive):
    make_node(status=Status.OFFLINE, status_reason="Connection refused.")
    assert "Connection refused." in page(admin_client)


def test_a_node_that_nobody_asks_is_stale_whatever_it_last_said(admin_client, alive):
    long_ago = timezone.now() - dt.timedelta(minutes=5)
    make_online_node(name="old", last_attempt_at=long_ago, next_poll_at=long_ago)
    assert names(admin_client, standing="stale") == ["old"]
    assert names(admin_client, standing="online") == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"standing": "offline"}, ["off"]),
        ({"standing": ["offline", "online"]}, ["off", "on"]),
        ({"standing": "unknown"}, ["out"]),
        ({"region": "eu"}, ["on"]),
        ({"group": "none"}, ["off", "out"]),
        ({"maintenance": "yes"}, ["off"]),
        ({"maintenance": "no"}, ["on", "out"]),
        ({"enabled": "no"}, ["out"]),
        ({"q": "198.18.0.9"}, ["on"]),
        ({"standing": "nonsense"}, []),
        ({"group": "nonsense", "enabled": "perhaps"}, ["off", "on", "out"]),
    ],
)
def test_the_list_is_narrowed_by(admin_client, alive, query, expected):
    europe = make_group(name="Europe", region="eu")
    make_online_node(name="on", group=europe, agent_url="http://198.18.0.9:8080")
    make_node(name="off", status=Status.OFFLINE, maintenance=True)
    make_node(name="out", enabled=False)
    assert names(admin_client, **query) == expected


def test_one_group_is_chosen_by_its_id(admin_client, alive):
    europe = make_group()
    make_node(name="on", group=europe)
    make_node(name="off", group=make_group())
    assert names(admin_client, group=str(europe.pk)) == ["on"]


@pytest.mark.parametrize("column", range(1, 10))
def test_every_column_sorts_both_ways(admin_client, alive, column):
    make_online_node(name="a", active_peers=1, cpu_percent=1)
    make_node(name="b")
    assert names(admin_client, o=str(column)) == names(admin_client, o=f"-{column}") == ["a", "b"]


def test_the_list_costs_the_same_for_many_nodes_as_for_few(
    admin_client, alive, django_assert_num_queries
):
    groups = [make_group() for _ in range(3)]
    for number in range(40):
        make_online_node(group=groups[number % 3])
    with django_assert_num_queries(11):
        page(admin_client)


def test_the_list_reads_neither_reports_nor_secrets(admin_client, alive, django_assert_num_queries):
    make_online_node()
    with django_assert_num_queries(11) as queries:
        page(admin_client)
    assert not any("health_json" in query["sql"] for query in queries)


def test_a_dead_poller_is_announced_above_the_list(admin_client):
    now = timezone.now()
    Heartbeat.objects.create(name="beat", beat_at=now)
    Heartbeat.objects.create(name="poll", beat_at=now - dt.timedelta(seconds=75))
    assert "Status is old since" in page(admin_client)


def test_a_fleet_alarm_is_announced_above_the_list(admin_client, alive):
    FleetAlarm.objects.create(failing=12, polled=40)
    assert "12 of 40 nodes failed within a minute" in page(admin_client)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_text_and_nothing_else(admin_client, alive, name):
    group = make_group()
    node = make_online_node(group=group, status_reason=name)
    type(group).objects.update(name=name, region=name, description=name)
    Node.objects.update(name=name, agent_version=name[:32], agent_url=name)
    for url in _pages_of(node, group):
        shown = admin_client.get(url).content.decode()
        assert "<script>alert" not in shown, url
        assert "<img src=x" not in shown, url
        assert "' x-init='" not in shown, url
        assert "{{7*7}}" in shown or "7*7" not in name, url


def _pages_of(node, group):
    return [
        LIST,
        reverse("admin:index"),
        reverse("admin:nodes_node_change", args=[node.pk]),
        reverse("admin:nodes_node_live", args=[node.pk]),
        reverse("admin:nodes_node_interfaces", args=[node.pk]),
        reverse("admin:nodes_node_delete", args=[node.pk]),
        reverse("admin:groups_nodegroup_changelist"),
        reverse("admin:groups_nodegroup_change", args=[group.pk]),
        reverse("admin:groups_nodegroup_delete", args=[group.pk]),
    ]


def test_without_the_right_to_see_nodes_there_is_no_list(client):
    client.force_login(make_staff("groups.view_nodegroup"))
    assert client.get(LIST).status_code == 403


def test_who_may_only_look_is_offered_no_action(client, alive):
    make_node()
    client.force_login(make_staff("nodes.view_node"))
    assert "poll_now" not in page(client)


def test_the_polling_policy_is_one_row_that_is_edited_and_never_added(admin_client):
    url = admin_client.get(reverse("admin:nodes_pollingpolicy_changelist")).url
    assert 'value="15"' in admin_client.get(url).content.decode()
    admin_client.post(url, {"interval_seconds": "30"})
    assert PollingPolicy.current().interval_seconds == 30
    assert admin_client.get(reverse("admin:nodes_pollingpolicy_add")).status_code == 403
    assert (
        admin_client.get(reverse("admin:nodes_pollingpolicy_delete", args=[1])).status_code == 403
    )


@pytest.mark.parametrize("seconds", ["4", "3601", "", "x"])
def test_an_interval_outside_5_s_to_an_hour_is_refused(admin_client, seconds):
    url = reverse("admin:nodes_pollingpolicy_change", args=[1])
    assert admin_client.post(url, {"interval_seconds": seconds}).status_code == 200
    assert not PollingPolicy.objects.exists()


def test_fleet_alarms_are_read_only(admin_client):
    alarm = FleetAlarm.objects.create(failing=12, polled=40)
    url = reverse("admin:nodes_fleetalarm_change", args=[alarm.pk])
    assert admin_client.get(url).status_code == 200
    assert admin_client.post(url, {"failing": "1"}).status_code == 403


def test_the_score_is_shown_with_its_reasons_and_sorts_the_list(admin_client, alive):
    make_online_node(name="hot", active_peers=100, cpu_percent=85, memory_percent=60)
    make_online_node(name="idle", active_peers=0)
    shown = page(admin_client, o="4")
    assert "CPU 85 % adds 0.5; Memory 60 % adds 0.05" in shown
    assert ">0.95<" in shown
    assert shown.index("<bdi>idle</bdi>") < shown.index("<bdi>hot</bdi>")
