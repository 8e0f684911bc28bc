"""The panel's metrics: for this host or for the bearer of the token, and always one clean text."""

import subprocess

import pytest
from prometheus_client.parser import text_string_to_metric_families

from accounts.tests.builders import make_admin

TOKEN = "a-long-enough-token-é"
pytestmark = pytest.mark.django_db


def test_this_host_reads_without_a_token(client):
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert "charset=utf-8" in answer["Content-Type"].lower()


@pytest.mark.parametrize("address", ["192.0.2.1", "10.0.0.1", "2001:db8::1", "", "nonsense"])
def test_another_host_does_not(client, address):
    assert client.get("/metrics", REMOTE_ADDR=address).status_code == 403


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "X-Real-IP"]
)
def test_a_proxy_on_this_host_is_not_this_host(client, header):
    assert client.get("/metrics", headers={header: "127.0.0.1"}).status_code == 403


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 403),
        ("Bearer ", 403),
        ("Bearer a-long-enough-token", 403),
        (f"Token {TOKEN}", 403),
        ("Bearer \xff", 403),
        ("", 403),
    ],
)
def test_where_there_is_a_token_it_alone_counts(client, settings, sent, status):
    settings.METRICS_TOKEN = TOKEN
    for address in ("127.0.0.1", "192.0.2.1"):
        answer = client.get("/metrics", REMOTE_ADDR=address, HTTP_AUTHORIZATION=sent)
        assert answer.status_code == status


def test_nothing_can_be_posted(client):
    assert client.post("/metrics").status_code == 405


def test_promtool_and_a_client_library_read_all_of_it_whatever_was_asked_before(client):
    client.force_login(make_admin(username='Ada "the 13" \\ L'))
    client.generic("BR\xc9W", "/api/v1/nodes/")
    client.get('/api/v1/groups/?name="}\n# HELP x')
    client.get('/admin/"quotes"\\')
    text = client.get("/metrics").content.decode()
    families = list(text_string_to_metric_families(text))
    names = {family.name for family in families}
    assert {"django_http_requests_total_by_method", "wgpanel_nodes"} <= names
    told = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert "error while linting" not in told.stderr
    assert "quotes" not in text
