"""The fleet's numbers in the panel's metrics."""

import pytest
from django.db import OperationalError
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from monitoring import fleet_metrics
from monitoring.fleet_metrics import FleetMetrics
from nodes.models import FleetAlarm
from nodes.polls import poll_counts
from nodes.tests.builders import make_node, make_online_node
from peers.tests.builders import make_interface, make_peer
from reconcile.models import Drift
from schedule.models import Heartbeat

pytestmark = pytest.mark.django_db


def samples() -> dict[tuple[str, str], float]:
    """Family and value of its label, if it has one → number."""
    families = text_string_to_metric_families(FleetMetrics().text().decode())
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


def test_nodes_are_counted_by_status_and_every_status_is_there():
    make_online_node()
    make_online_node(status="degraded")
    make_node(enabled=False)
    make_node(maintenance=True)
    told = samples()
    assert told["wgpanel_nodes", "online"] == 1
    assert told["wgpanel_nodes", "degraded"] == 1
    assert told["wgpanel_nodes", "unknown"] == 2
    assert told["wgpanel_nodes", "identity_mismatch"] == 0
    assert told["wgpanel_nodes_disabled",] == 1
    assert told["wgpanel_nodes_maintenance",] == 1


def test_peers_that_are_connected_and_that_were_placed_are_two_numbers():
    make_peer(interface=make_interface(node=make_online_node(active_peers=3, assigned_peers=5)))
    told = samples()
    assert told["wgpanel_peers_active",] == 3
    assert told["wgpanel_peers",] == 5
    assert told["wgpanel_peer_places",] == 250


def test_an_interface_whose_node_lags_behind_is_pending():
    make_interface(desired_generation=3, observed_generation=3, condition="in_sync")
    make_interface(desired_generation=4, observed_generation=3, condition="in_sync")
    told = samples()
    assert told["wgpanel_interfaces", "in_sync"] == 2
    assert told["wgpanel_interfaces", "lost"] == 0
    assert told["wgpanel_interfaces_pending",] == 1


def test_the_findings_of_drift_are_counted():
    Drift.objects.create(interface=make_interface(), state="drifted")
    told = samples()
    assert told["wgpanel_interfaces_checked", "drifted"] == 1
    assert told["wgpanel_interfaces_checked", "in_sync"] == 0


def test_polls_are_those_of_the_last_whole_minute():
    now = timezone.now()
    poll_counts.note(7, 2, now - fleet_metrics.MINUTE)
    poll_counts.note(100, 100, now)
    (family,) = fleet_metrics.polls(now)
    assert [(s.labels["outcome"], s.value) for s in family.samples] == [("ok", 7), ("failed", 2)]


def test_heartbeats_and_the_alarm_are_told():
    Heartbeat.beat("poll")
    told = samples()
    assert told["wgpanel_heartbeat_age_seconds", "poll"] < 5
    assert told["wgpanel_fleet_alarm",] == 0
    FleetAlarm.objects.create(failing=5, polled=5)
    assert samples()["wgpanel_fleet_alarm",] == 1


def test_an_empty_fleet_has_zeros_and_no_gap():
    told = samples()
    assert told["wgpanel_peers",] == 0
    assert told["wgpanel_nodes", "online"] == 0
    assert told["wgpanel_database_up",] == 1


def test_a_database_that_fails_is_told_and_the_rest_is_left_out(monkeypatch):
    def fail(now):
        raise OperationalError("gone")

    monkeypatch.setattr(fleet_metrics, "PARTS", (fail,))
    assert samples() == {("wgpanel_database_up",): 0}


def test_a_fleet_of_any_size_is_a_few_queries_and_none_within_five_seconds(
    django_assert_num_queries,
):
    for _ in range(12):
        make_online_node()
    metrics = FleetMetrics()
    with django_assert_num_queries(8):
        first = metrics.text()
    make_online_node()
    with django_assert_num_queries(0):
        assert metrics.text() == first
