"""Asking nodes and remembering what they told, over real sockets and in a real database."""

import datetime as dt
import json

import pytest
from django.utils import timezone

from nodes.models import Node, PollCount, PollingPolicy, Status
from nodes.polls import cadence, polling
from nodes.tests import agents
from nodes.tests.builders import make_interface, make_node, make_report
from nodes.tests.polls import ago, poll

pytestmark = pytest.mark.django_db


def test_a_verified_report_makes_the_node_online(live_agent):
    node = live_agent().node()
    done = poll(node)
    assert (done.asked, done.reported, done.written) == (1, 1, 1)
    assert (node.status, node.status_reason) == (Status.ONLINE, "")


def test_the_report_is_kept_as_told_with_its_columns_beside_it(live_agent):
    agent = live_agent()
    told = make_report(colour="blue")
    agent.body = json.dumps(told).encode()
    node = agent.node()
    poll(node)
    assert node.health_json == told
    assert (node.agent_version, node.active_peers, node.clock_skew_ms) == ("1.0.0", 3, 0)
    assert (node.cpu_percent, node.memory_percent, node.disk_percent) == (12.5, 40, 30)


def test_a_report_without_measurements_leaves_the_columns_empty(live_agent):
    agent = live_agent()
    agent.body = json.dumps(make_report(system={})).encode()
    node = agent.node()
    poll(node)
    assert (node.status, node.cpu_percent, node.memory_percent) == (Status.ONLINE, None, None)


def test_numbers_larger_than_their_columns_do_not_stop_the_round(live_agent):
    boaster, modest = live_agent(), live_agent()
    interfaces = {"wg0": make_interface(active_peers=2**60)}
    boaster.body = json.dumps(make_report(interfaces=interfaces, version="v" * 64)).encode()
    nodes = boaster.node(), modest.node()
    assert poll(*nodes).written == 2
    assert (nodes[0].active_peers, len(nodes[0].agent_version)) == (2**31 - 1, 32)


def test_an_interface_that_is_down_makes_the_node_degraded_and_is_named(live_agent):
    agent = live_agent()
    agent.body = json.dumps(make_report(interfaces={"wg0": make_interface(status="down")})).encode()
    node = agent.node()
    poll(node)
    assert (node.status, node.status_reason) == (Status.DEGRADED, "wg0 is down")


def test_times_are_those_of_the_poll(live_agent):
    node, before = live_agent().node(), timezone.now()
    poll(node)
    assert before <= node.last_attempt_at <= node.reported_at <= timezone.now()


def test_the_next_poll_is_the_nodes_next_slot(live_agent):
    node = live_agent().node()
    poll(node)
    slot = cadence.next_slot(node.pk, dt.timedelta(seconds=15), node.reported_at.timestamp())
    assert node.next_poll_at.timestamp() == pytest.approx(slot, abs=1e-3)


def test_the_interval_is_that_of_the_policy(live_agent):
    PollingPolicy.objects.create(interval_seconds=3600)
    node = live_agent().node()
    poll(node)
    slot = cadence.next_slot(node.pk, dt.timedelta(hours=1), node.reported_at.timestamp())
    assert node.next_poll_at.timestamp() == pytest.approx(slot, abs=1e-3)


def test_since_when_changes_with_the_status_only(live_agent):
    node = live_agent().node()
    poll(node)
    since = node.status_since
    poll(node)
    assert node.status_since == since


def test_one_good_answer_brings_a_dead_node_back(live_agent):
    node = live_agent().node(
        status=Status.OFFLINE, failures=9, failing_since=ago(900), status_since=ago(850)
    )
    poll(node)
    assert (node.status, node.failures, node.failing_since) == (Status.ONLINE, 0, None)
    assert node.status_since > ago(60)


@pytest.mark.parametrize("offset", [600, -600])
def test_a_clock_that_is_off_is_answered_remembered_and_told(live_agent, offset):
    agent = live_agent(clock_offset=offset)
    node = agent.node()
    poll(node)
    assert (node.status, node.status_reason) == (Status.ONLINE, f"Clock skew {offset:+d} s")
    assert node.clock_skew_ms == pytest.approx(offset * 1000, abs=1500)


def test_a_known_skew_costs_no_second_request(live_agent, caplog):
    node = live_agent(clock_offset=600).node(clock_skew_ms=600_000)
    poll(node)
    assert "clock_skew" not in caplog.text
    assert node.status == Status.ONLINE


def test_many_agents_are_polled_in_one_round_with_few_queries(
    live_agent, django_assert_max_num_queries
):
    nodes = [live_agent().node() for _ in range(12)]
    with django_assert_max_num_queries(12):
        done = poll_ids(nodes)
    assert (done.reported, done.written) == (12, 12)


def poll_ids(nodes: list[Node]) -> polling.Round:
    return polling.poll([node.pk for node in nodes])


def test_every_round_is_counted(live_agent):
    poll(live_agent().node(), make_node(agent_url=agents.closed_port()))
    count = PollCount.objects.get()
    assert (count.ok, count.failed) == (1, 1)
