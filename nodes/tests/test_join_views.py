"""Join tokens by REST."""

import os
from base64 import b64encode

import pytest
from rest_framework.test import APIClient

from accounts.tests.builders import make_staff
from nodes.enrolment.join_token import JoinToken
from nodes.models import Node
from nodes.tests.builders import make_group, make_node
from nodes.tests.joining import Joiner, make_token

pytestmark = pytest.mark.django_db
TOKENS = "/api/v1/join-tokens/"


def url(row, act=""):
    return f"{TOKENS}{row.pk}/{act}"


def test_a_token_is_made_with_its_presets_and_shown_with_its_lines_once(api):
    group = make_group()
    made = api.post(TOKENS, {"name": "fra1", "group": group.name, "max_peers": 9, "minutes": 30})
    told = made.json()
    assert (made.status_code, made["Cache-Control"], told["state"]) == (201, "no-store", "open")
    assert told["line"] == f"wgpanel-agent enrol http://testserver --token {told['token']}"
    assert told["token"] in told["install_line"]
    assert Joiner(told["token"]).ask().status_code == 200
    node = Node.objects.get()
    assert (node.name, node.group, node.max_peers) == ("fra1", group, 9)


def test_neither_the_list_nor_a_tokens_own_page_shows_what_it_is(api):
    row, token = make_token(name="fra1")
    for address in (TOKENS, url(row)):
        told = api.get(address)
        assert "fra1" in told.content.decode()
        for secret in (token, row.key.reveal()):
            assert secret not in told.content.decode()


def test_the_line_for_a_node_that_was_there_before_says_so(api):
    told = api.post(TOKENS, {"node": str(make_node().pk)}).json()
    assert told["line"].endswith(" --again")
    assert told["install_line"].endswith(" --again")


def test_who_may_add_nodes_alone_takes_over_none_that_is_there():
    client = APIClient()
    client.force_authenticate(make_staff("nodes.add_jointoken"))
    assert client.post(TOKENS, {"node": str(make_node().pk)}).status_code == 403
    assert not JoinToken.objects.exists()
    assert client.post(TOKENS, {}).status_code == 201


def test_a_token_is_revoked_once(api):
    row, token = make_token()
    assert api.delete(url(row)).status_code == 204
    answer = api.delete(url(row))
    assert (answer.status_code, answer.json()["error"]) == (409, "cannot_revoke")
    assert Joiner(token).ask().status_code == 401
    row.refresh_from_db()
    assert row.key is None


def test_a_node_that_waits_is_let_in(api):
    row, token = make_token(wants_approval=True)
    joiner = Joiner(token)
    assert joiner.ask().json() == {"state": "waiting"}
    assert api.post(url(row, "approve/")).json()["state"] == "joined"
    assert joiner.ask().json()["state"] == "admitted"


def test_nobody_is_let_in_while_the_key_of_the_token_is_locked(api, settings):
    row, token = make_token(wants_approval=True)
    Joiner(token).ask()
    settings.WGPANEL_FIELD_KEYS = (b64encode(os.urandom(32)).decode(),)
    answer = api.post(url(row, "approve/"))
    assert (answer.status_code, answer.json()["error"]) == (409, "locked")
    assert not Node.objects.exists()


def test_where_nobody_waits_nobody_is_let_in(api):
    row, _ = make_token(wants_approval=True)
    assert api.post(url(row, "approve/")).status_code == 409
    assert not Node.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("minutes", 0),
        ("minutes", 10_081),
        ("source", "198.51.100.7/8"),
        ("weight", 0),
        ("max_peers", 0),
        ("name", "a\nb"),
        ("name", "fra1"),
        ("source", "fe80::1%eth0"),
        ("group", "nobody's"),
    ],
)
def test_what_cannot_be_is_refused_by_field(api, field, value):
    make_node(name="fra1")
    answer = api.post(TOKENS, {field: value})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])
    assert not JoinToken.objects.exists()
