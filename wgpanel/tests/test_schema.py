"""The API is described completely, and keeps to its description whatever it is sent."""

import os

import pytest
import schemathesis
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, settings
from rest_framework.test import APIClient
from schemathesis import checks
from schemathesis.specs.openapi import checks as openapi

from accounts import tokens
from nodes.tests.builders import make_group, make_online_node
from peers.tests.builders import make_interface, make_peer
from wgpanel.wsgi import application

NOBODY = "http://127.0.0.1:1"  # no agent listens there
pytestmark = pytest.mark.django_db
EXAMPLES = 500 if os.environ.get("SOAK") else 20
CHECKS = [
    checks.not_a_server_error,
    openapi.status_code_conformance,
    openapi.content_type_conformance,
    openapi.response_headers_conformance,
    openapi.response_schema_conformance,
    openapi.unsupported_method,
]


def described() -> dict:
    return SchemaGenerator().get_schema(request=None, public=True)


def operations() -> list[dict]:
    return [it for methods in described()["paths"].values() for it in methods.values()]


schema = schemathesis.openapi.from_dict(described())
schema.app = application


@pytest.fixture
def headers(user) -> dict[str, str]:
    return {"Authorization": f"Token {tokens.issue(user)}"}


@pytest.fixture
def _one_transaction():
    """Let requests run inside the test's transaction: Django would end it with each of them."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def make_row(path: str):
    """Save an object that the path may be about."""
    if "/groups/" in path:
        return make_group()
    node = make_online_node(agent_url=NOBODY)
    if "/nodes/" in path:
        return node
    interface = make_interface(node=node)
    return interface if "/interfaces/" in path else make_peer(interface=interface)


@pytest.mark.usefixtures("_one_transaction")
@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_no_request_makes_the_panel_fail_or_break_its_word(case, headers):
    case.call_and_validate(headers=headers, checks=CHECKS)
    if "id" in case.path_parameters:
        case.path_parameters["id"] = str(make_row(case.path).pk)
        case.call_and_validate(headers=headers, checks=CHECKS)


def test_the_description_is_made_without_a_warning(tmp_path):
    file = tmp_path / "schema.yml"
    call_command("spectacular", "--fail-on-warn", "--validate", "--file", str(file))
    assert "/api/v1/nodes/{id}/assign-group/" in file.read_text()


def test_every_operation_has_a_summary_an_answer_and_the_refusals():
    for operation in operations():
        answers = operation["responses"]
        assert operation["summary"]
        assert {"400", "401", "403", "default"} < set(answers)
        for code, answer in answers.items():
            assert ("content" in answer) is (code != "204"), operation["operationId"]
        assert answers["default"]["content"]["application/json"]["schema"] == {
            "$ref": "#/components/schemas/Error"
        }


def test_every_operation_takes_a_token_or_a_session():
    assert set(described()["components"]["securitySchemes"]) == {"token", "cookieAuth"}
    for operation in operations():
        if operation["operationId"] != "enrol_create":  # a node joins by its proof, without a login
            assert operation["security"] == [{"token": []}, {"cookieAuth": []}]


def test_no_answer_is_described_with_a_secret():
    components = described()["components"]["schemas"]
    with_secret = {name for name, it in components.items() if "secret" in it.get("properties", {})}
    assert with_secret == {"NodeRequest", "NodeCreateRequest", "PatchedNodeRequest"}


def test_staff_read_the_description_by_token_and_nobody_else_does(headers):
    assert APIClient().get("/api/schema/").status_code == 401
    answer = APIClient().get("/api/schema/", headers=headers | {"accept": "application/json"})
    assert answer.status_code == 200
    assert answer.json()["paths"].keys() == described()["paths"].keys()


def test_the_page_for_people_asks_for_a_login_and_loads_nothing_from_elsewhere(client, user):
    assert client.get("/api/docs/")["Location"] == "/admin/login/?next=/api/docs/"
    client.force_login(user)
    for address in ("/api/docs/", "/api/docs/?script="):
        answer = client.get(address)
        text = answer.content.decode()
        assert answer.status_code == 200
        assert "default-src 'none'" in answer["Content-Security-Policy"]
        assert "unsafe-eval" not in answer["Content-Security-Policy"]
        assert "http://" not in text.replace("http://www.w3.org", "")
        assert "https://" not in text
    assert "<script>" not in client.get("/api/docs/").content.decode()
