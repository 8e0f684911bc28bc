"""The fleet in the form that Prometheus discovers it in."""

import json

import pytest
from django.db import OperationalError
from rest_framework.test import APIClient

from accounts import tokens
from accounts.tests.builders import make_staff
from monitoring import targets
from nodes.models import Node
from nodes.tests.builders import make_group, make_node

pytestmark = pytest.mark.django_db
PATH = "/api/v1/prometheus/targets"


@pytest.fixture
def prometheus() -> APIClient:
    """A script with a token that may only see nodes."""
    client = APIClient()
    token = tokens.issue(make_staff("nodes.view_node"))
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    return client


def discovered(client: APIClient) -> list[dict]:
    return json.loads(client.get(PATH).getvalue())


def test_a_node_is_told_with_where_its_metrics_are_and_its_labels(prometheus):
    group = make_group(name="Europe", region="eu-west-1")
    node = make_node(name="fra-1", agent_url="http://127.0.0.1:8080", group=group)
    Node.objects.filter(pk=node.pk).update(agent_version="1.0.0")
    answer = prometheus.get(PATH)
    assert answer["Content-Type"] == "application/json"  # Prometheus refuses anything else
    assert json.loads(answer.getvalue()) == [
        {
            "targets": ["127.0.0.1:8080"],
            "labels": {
                "__scheme__": "http",
                "__metrics_path__": "/v1/metrics",
                "__meta_wgpanel_node_id": str(node.pk),
                "__meta_wgpanel_agent_version": "1.0.0",
                "__meta_wgpanel_maintenance": "false",
                "node": "fra-1",
                "group": "Europe",
                "region": "eu-west-1",
            },
        }
    ]


def test_a_node_without_a_group_has_empty_labels(prometheus):
    make_node(group=None)
    labels = discovered(prometheus)[0]["labels"]
    assert (labels["group"], labels["region"]) == ("", "")


@pytest.mark.parametrize(
    ("url", "address", "scheme"),
    [
        ("http://192.0.2.1:8080", "192.0.2.1:8080", "http"),
        ("http://192.0.2.1", "192.0.2.1:80", "http"),
        ("https://vpn.example:8443", "vpn.example:8443", "https"),
        ("https://vpn.example", "vpn.example:443", "https"),
        ("https://[2001:db8::443]", "[2001:db8::443]:443", "https"),
        ("http://[2001:db8::1]:8080", "[2001:db8::1]:8080", "http"),
    ],
)
def test_the_address_always_has_its_port(url, address, scheme):
    node = make_node(agent_url=url)
    told = targets.target(Node.objects.values(*targets.COLUMNS).get(pk=node.pk))
    assert told["targets"] == [address]
    assert told["labels"]["__scheme__"] == scheme


def test_only_enabled_nodes_are_told_and_those_in_maintenance_are(prometheus):
    make_node(enabled=False)
    cordoned = make_node(maintenance=True)
    told = discovered(prometheus)
    assert [it["labels"]["node"] for it in told] == [cordoned.name]
    assert told[0]["labels"]["__meta_wgpanel_maintenance"] == "true"


def test_an_empty_fleet_is_an_empty_list(prometheus):
    assert discovered(prometheus) == []


def test_a_fleet_of_any_size_is_one_query(prometheus, django_assert_num_queries):
    for _ in range(12):
        make_node(group=make_group())
    with django_assert_num_queries(1):
        assert len(targets.all_targets()) == 12
    assert len(discovered(prometheus)) == 12


def test_neither_secret_nor_report_is_told(prometheus):
    secret = "a secret that is forty-one characters: yes"
    make_node(secret=secret, health_json={"canary": "in the report"})
    text = prometheus.get(PATH).getvalue().decode()
    assert secret not in text
    assert "canary" not in text


def test_whatever_a_node_is_called_the_list_stays_json(prometheus):
    node = make_node(name='q"uo\\te ünï {}')
    assert discovered(prometheus)[0]["labels"]["node"] == node.name


def test_a_database_that_fails_is_said_so_in_the_status(prometheus, monkeypatch):
    def fail():
        raise OperationalError("gone")

    monkeypatch.setattr(targets, "all_targets", fail)
    assert prometheus.get(PATH).status_code == 503
