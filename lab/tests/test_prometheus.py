"""A real Prometheus finds real agents through the panel; each dashboard has something to show."""

import time

import pytest

from deploy.prometheus import alerts, expressions, labels_of, lists, series_of
from lab import by_panel
from lab.agent import answer_to_a_stranger
from lab.manage import manage
from lab.prometheus import Prometheus

pytestmark = pytest.mark.lab
FOUND_SECONDS, SHOWN_SECONDS = 30, 60


@pytest.fixture(scope="module")
def prometheus(panel, managed, tmp_path_factory, unused_tcp_port_factory):
    """Ready, with the token of somebody who may see nodes."""
    token = manage(panel.state_dir, "create_api_token", "admin").split()[-1]
    folder = tmp_path_factory.mktemp("prometheus")
    address = panel.url.removeprefix("http://")
    with Prometheus(folder, unused_tcp_port_factory(), address, token) as prometheus:
        yield prometheus


def wait_for(prometheus, expression, count):
    """Return the series of a query as soon as there are so many."""
    deadline = time.monotonic() + FOUND_SECONDS
    while len(series := prometheus.query(expression)) < count:
        assert time.monotonic() < deadline, (expression, series)
        time.sleep(0.5)
    return series


def test_agents_are_found_through_the_panel_with_their_labels(prometheus, managed):
    series = wait_for(prometheus, 'up{job="wgpanel-agents"} == 1', len(managed.nodes))
    labels = [it["metric"] for it in series]
    assert {it["node"] for it in labels} == {node.name for node in managed.nodes}
    assert {it["group"] for it in labels} == {"Europe"}
    assert {it["instance"] for it in labels} == {node.name for node in managed.nodes}


def test_the_panel_itself_is_scraped(prometheus):
    (online,) = wait_for(prometheus, 'max(wgpanel_nodes{status="online"})', 1)
    assert float(online["value"][1]) == 2


def test_every_list_above_the_dashboards_has_something_to_choose(prometheus, managed):
    named = list(lists(managed.nodes[0].name))
    assert named
    for series, label in named:
        assert all(it["metric"][label] for it in wait_for(prometheus, series, len(managed.nodes)))


def test_every_query_of_the_dashboards_returns_data(prometheus, managed, rest):
    client = managed.clients[0]
    wanted = expressions(client.node.name)
    by_panel.connect(rest, client)  # something is applied while Prometheus looks
    deadline = time.monotonic() + SHOWN_SECONDS
    while wanted and time.monotonic() < deadline:
        wanted = {at: query for at, query in wanted.items() if not prometheus.query(query)}
        time.sleep(1)
    assert wanted == {}


@pytest.fixture(scope="module")
def refused(managed):
    """Each agent has refused somebody: a refusal is counted from the first one on."""
    assert [answer_to_a_stranger(it.agent.url, "/v1/status") for it in managed.nodes] == [401, 401]


@pytest.mark.usefixtures("refused")
@pytest.mark.parametrize("alert", [pytest.param(it, id=it["alert"]) for it in alerts()])
def test_an_alert_looks_at_series_that_are_there_and_names_labels_that_they_have(prometheus, alert):
    """One that looks at nothing would never fire, and nobody would know."""
    found = [series for it in series_of(alert) for series in wait_for(prometheus, it, 1)]
    assert found
    assert all(labels_of(alert) <= set(series["metric"]) for series in found)


def test_no_alert_of_the_panel_fires_while_the_fleet_is_well(prometheus):
    firing = prometheus.query('ALERTS{alertstate="firing"}')
    assert [it["metric"]["alertname"] for it in firing] == []


def test_a_node_that_is_disabled_is_scraped_no_more(prometheus, managed, rest):
    node = managed.nodes[1]
    path = f"nodes/{node.identity.node_id}/"
    wait_for(prometheus, f'up{{node="{node.name}"}}', 1)
    rest.call("PATCH", path, {"enabled": False})
    try:
        wait_for(prometheus, f'absent(up{{node="{node.name}"}})', 1)
        assert prometheus.query(f'up{{node="{node.name}"}}') == []
    finally:
        rest.call("PATCH", path, {"enabled": True})
