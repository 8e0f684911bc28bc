"""By which names the panel answers, and where plain HTTP is enough."""

import json

import pytest

from accounts.tests.builders import make_admin

pytestmark = pytest.mark.django_db
POD = "198.51.100.9:8000"
TOKEN = "a-long-enough-token-of-metrics"


@pytest.mark.parametrize("path", ["/", "/admin/", "/api/v1/nodes/", "/healthz/x", "/metrics/"])
def test_a_name_that_is_not_allowed_gets_nothing(client, path):
    client.force_login(make_admin())
    assert client.get(path, headers={"Host": "evil.example"}).status_code == 400


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_call_a_process_by_its_address(client, path):
    answer = client.get(path, headers={"Host": POD})
    assert json.loads(answer.content)["status"] in ("ok", "not ready")


def test_prometheus_calls_a_process_by_its_address(client, settings):
    settings.METRICS_TOKEN = TOKEN
    settings.SECURE_SSL_REDIRECT = True
    headers = {"Host": POD, "Authorization": f"Bearer {TOKEN}"}
    assert client.get("/metrics", headers=headers).status_code == 200
    client.force_login(make_admin())
    answer = client.get("/api/v1/prometheus/targets", headers={"Host": POD})
    assert (answer.status_code, answer.getvalue()) == (200, b"[]")


def test_without_a_token_metrics_still_want_a_name_that_is_allowed(client):
    """A page of somebody else, whose name leads to this host, must not read them in a browser."""
    assert client.get("/metrics", headers={"Host": "evil.example"}).status_code == 400


def test_the_rest_of_the_api_still_leads_to_https(client, settings):
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/api/v1/nodes/").status_code == 301
