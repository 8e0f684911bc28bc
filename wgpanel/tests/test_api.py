"""The REST API refuses in one form, whatever is wrong, and never fails on what it is sent."""

import json

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.tests.builders import make_user
from nodes.tests.builders import make_group, make_node

pytestmark = pytest.mark.django_db
GROUPS = "/api/v1/groups/"


def refusal(answer) -> tuple[int, str]:
    """Return status and code of what must be a refusal in the one form."""
    body = answer.json()
    assert set(body) <= {"error", "detail", "fields"}
    assert body["detail"]
    return answer.status_code, body["error"]


def send(api, body, content_type="application/json"):
    return api.post(GROUPS, body, content_type=content_type)


@pytest.mark.parametrize(
    "body",
    [
        "{", "nonsense", '{"name": }', '{"name": "x"', "{'name': 'x'}", '{"priority": NaN}',
        '{"priority": Infinity}', '{"priority": -Infinity}', '{"priority": 1' + "0" * 5000 + "}",
        b"\xff\xfe", b'{"name": "\xc3\x28"}', b"\x00", '{"name": "x"} x', "[" * 100_000,
        '{"a":' * 100_000, '{"name": "\\uZZZZ"}', '{"name": "a\nb"}',
    ],
)  # fmt: skip
def test_a_body_that_is_no_json_is_a_parse_error(api, body):
    assert refusal(send(api, body)) == (400, "parse_error")


@pytest.mark.parametrize("body", ["", "null", "[]", "1", '"x"', "true", "[[]]", "1.5e308"])
def test_json_that_is_no_object_is_invalid(api, body):
    status, code = refusal(send(api, body))
    assert (status, code) == (400, "invalid")


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
     "application/xml", "nonsense", "application/jsonx"],
)  # fmt: skip
def test_another_content_type_is_not_read(api, content_type):
    answer = send(api, "name=x", content_type)
    assert refusal(answer) == (415, "unsupported_media_type")


@pytest.mark.parametrize("charset", ["bz2_codec", "base64_codec", "utf-16"])
def test_a_charset_that_does_not_fit_the_body_is_a_parse_error(api, charset):
    answer = send(api, b'{"name": "xy"}', f"application/json; charset={charset}")
    assert refusal(answer) == (400, "parse_error")


def test_a_body_that_is_too_large_is_not_read(api, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    assert refusal(send(api, json.dumps({"name": "x" * 100}))) == (413, "body_too_large")
    assert send(api, json.dumps({"name": "x"})).status_code == 201


def test_what_cannot_be_rendered_is_not_acceptable(api):
    answer = api.get(GROUPS, headers={"accept": "text/html"})
    assert refusal(answer) == (406, "not_acceptable")


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_a_method_that_is_not_there_is_not_allowed(api, method):
    assert refusal(api.generic(method, GROUPS)) == (405, "method_not_allowed")


@pytest.mark.parametrize(
    "path",
    ["groups/x/", "groups/%00/", "groups/0f8fad5b-d9cb-469f-a165-70867728950e/",
     "groups/0F8FAD5B-D9CB-469F-A165-70867728950E/", "groups/a.b/", "groups/../nodes/", "nothing/",
     "nodes/%ED%A0%80/", "nodes/%2e%2e%2f/", "nodes/x/poll/", "nodes/1/assign-group/"],
)  # fmt: skip
def test_what_is_not_there_is_not_found(api, path):
    assert refusal(api.get(f"/api/v1/{path}"))[0] in (404, 405)
    assert refusal(api.get(f"/api/v1/{path}")) == (404, "not_found")


@pytest.mark.parametrize("path", ["/api/", "/api/v2/groups/", "/api/v1/"])
def test_an_address_outside_the_api_has_the_same_form(path):
    assert refusal(Client().get(path)) == (404, "not_found")


def test_a_page_for_people_stays_a_page():
    answer = Client().get("/nothing/")
    assert answer.status_code == 404
    assert answer["Content-Type"].startswith("text/html")


def test_a_fault_of_the_panel_itself_has_the_same_form_and_no_details(api, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("a detail that is nobody's business")

    monkeypatch.setattr("groups.views.GroupViewSet.get_queryset", fail)
    api.raise_request_exception = False
    answer = api.get(GROUPS)
    assert refusal(answer) == (500, "server_error")
    assert "nobody" not in answer.content.decode()


def test_a_host_that_is_not_ours_is_a_bad_request(api):
    assert refusal(api.get(GROUPS, headers={"host": "evil.example"})) == (400, "bad_request")


def test_who_is_not_logged_in_is_told_how():
    answer = APIClient().get(GROUPS)
    assert refusal(answer) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"] == "Token"


def test_who_may_not_is_forbidden():
    client = APIClient()
    client.force_authenticate(make_user())
    assert refusal(client.get(GROUPS)) == (403, "permission_denied")


def test_a_refusal_names_the_fields_and_quotes_no_broken_text(api):
    make_group(name="Europe")
    body = '{"name": "Europe", "priority": "\\ud800", "description": ["\\ud800"]}'
    fields = send(api, body).json()["fields"]
    assert set(fields) == {"name", "priority", "description"}
    assert all(isinstance(sentence, str) for told in fields.values() for sentence in told)


def test_the_place_in_a_list_is_named(api):
    ids = [str(make_node().pk), "x"]
    answer = api.post("/api/v1/nodes/poll/", {"ids": ids})
    assert answer.json()["fields"]["ids"] == ["1: Must be a valid UUID."]


def test_a_page_has_at_most_500_rows(api):
    for _ in range(3):
        make_group()
    answer = api.get(f"{GROUPS}?page_size=100000").json()
    assert set(answer) == {"count", "next", "previous", "results"}
    assert len(answer["results"]) == answer["count"] == 3
