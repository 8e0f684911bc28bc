"""Secrets that are put in come out nowhere: no answer, log, history, dump or task has them."""

import io
import logging
import secrets

import pytest
from celery import current_app
from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from django.urls import reverse
from rest_framework.test import APIClient

from accounts import tokens
from accounts.tests.builders import GOOD_PASSWORD, make_admin, make_staff
from groups.models import NodeGroup
from nodes.models import Node
from nodes.tests.builders import make_group
from wgpanel.tests import canaries
from wgpanel.tests.canaries import make_canary

pytestmark = pytest.mark.django_db
CANARIES = (make_canary(), f"cnry-{secrets.token_urlsafe(36)}")


def leaks(text: str) -> set[str]:
    return canaries.leaks(text, CANARIES)


@pytest.fixture
def tasks(monkeypatch):
    sent = []
    monkeypatch.setattr(
        current_app, "send_task", lambda *args, **kwargs: sent.append((args, kwargs))
    )
    return sent


@pytest.fixture
def node(user, tasks, django_capture_on_commit_callbacks) -> Node:
    """A node whose two secrets, one after the other, came in by REST with a token."""
    client = APIClient(headers={"authorization": f"Token {tokens.issue(user)}"})
    body = {"name": "fra1", "agent_url": "http://127.0.0.1:1", "secret": CANARIES[0]}
    with django_capture_on_commit_callbacks(execute=True):
        answers = [client.post("/api/v1/nodes/", body)]
        path = f"/api/v1/nodes/{answers[0].json()['id']}/"
        answers.append(client.patch(path, {"secret": CANARIES[1]}))
        answers.append(client.post(f"{path}test/"))
    assert [answer.status_code for answer in answers] == [201, 200, 200]
    assert leaks("".join(answer.content.decode() for answer in answers)) == set()
    return Node.objects.get()


def test_the_canaries_are_really_in(node):
    assert node.secret.reveal() == CANARIES[1]


def test_the_search_for_canaries_finds_each_spelling():
    for canary in CANARIES:
        for spelling in canaries.spellings(canary):
            assert leaks(f"…{spelling}…")


def test_no_log_line_has_a_secret_whatever_is_refused_on_the_way(log, node, api):
    path = f"/api/v1/nodes/{node.pk}/"
    for body in ({"secret": CANARIES[0], "weight": "x"}, {"secret": [CANARIES[0]]}, CANARIES[0]):
        assert api.patch(path, body).status_code == 400
    api.get(f"{path}?secret={CANARIES[0]}")
    api.get(f"/api/v1/{CANARIES[0]}/")
    logging.getLogger("test").warning("%r %s", node, node.secret)
    assert "fra1" in log.getvalue()
    assert leaks(log.getvalue().replace(f"/api/v1/{CANARIES[0]}/", "")) == set()


def test_no_refusal_repeats_a_secret(node, api):
    path = f"/api/v1/nodes/{node.pk}/"
    for secret in (f" {CANARIES[0]}", [CANARIES[0]], {CANARIES[0]: 1}, CANARIES[0] * 20):
        answer = api.patch(path, {"secret": secret})
        assert answer.status_code == 400
        assert leaks(answer.content.decode()) == set()


def test_no_task_is_sent_with_a_secret(tasks, node):
    assert tasks
    assert leaks(repr(tasks)) == set()


def test_no_row_of_any_table_has_a_secret(node):
    out = io.StringIO()
    call_command("dumpdata", stdout=out)
    assert str(node.pk) in out.getvalue()
    assert leaks(out.getvalue()) == set()
    assert leaks(str(list(Node.history.values()))) == set()


def test_the_log_of_the_admin_has_no_secret(client, node):
    client.force_login(make_admin())
    form = {"name": "fra1", "agent_url": "http://127.0.0.1:2", "weight": "1", "max_peers": "9"}
    page = reverse("admin:nodes_node_change", args=[node.pk])
    answer = client.post(page, {**form, "enabled": "on", "new_secret": CANARIES[0]})
    assert answer.status_code == 302, answer.content.decode()
    assert Node.objects.get().secret.reveal() == CANARIES[0]
    assert LogEntry.objects.exists()
    assert leaks(str(list(LogEntry.objects.values()))) == set()


ROLES = {
    "nobody": None,
    "reader": ("nodes.view_node", "groups.view_nodegroup", "nodes.view_historicalnode"),
    "admin": (),
}
ADDRESSES = (
    "/api/v1/nodes/", "/api/v1/nodes/{pk}/", "/api/v1/nodes/?search=cnry", "/api/v1/groups/",
    "/api/v1/groups/{group}/", "/api/schema/", "/api/docs/", "/metrics", "/healthz", "/admin/",
    "/admin/nodes/node/", "/admin/nodes/node/{pk}/change/", "/admin/nodes/node/{pk}/history/",
    "/admin/nodes/node/{pk}/delete/", "/admin/groups/nodegroup/",
    "/admin/groups/nodegroup/{group}/change/", "/admin/nodes/node/?q=cnry",
)  # fmt: skip


@pytest.mark.parametrize("role", ROLES)
def test_no_page_and_no_answer_shows_a_secret_to_anybody(client, node, role):
    group = make_group()
    if role != "nobody":
        client.force_login(make_admin() if role == "admin" else make_staff(*ROLES[role]))
    answers = {
        address: client.get(address.format(pk=node.pk, group=group.pk), follow=True)
        for address in ADDRESSES
    }
    seen = {address for address, answer in answers.items() if answer.status_code == 200}
    assert seen >= ({"/metrics", "/healthz"} if role == "nobody" else {"/api/v1/nodes/{pk}/"})
    for answer in answers.values():
        assert leaks(answer.content.decode()) == set()
        assert node.secret.seal() not in answer.content.decode()


def test_nobody_without_a_login_sees_anything_but_health(client, node):
    group = NodeGroup.objects.create(name="a-private-name")
    for address in ADDRESSES:
        if address in ("/metrics", "/healthz"):
            continue
        answer = client.get(address.format(pk=node.pk, group=group.pk))
        assert answer.status_code in (302, 401)
        assert "a-private-name" not in answer.content.decode()


def test_a_fault_while_a_secret_is_in_hand_shows_it_to_nobody(log, api, monkeypatch):
    def fail(self, *args, **kwargs):
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(Node, "save", fail)
    api.raise_request_exception = False
    body = {"name": "fra2", "agent_url": "http://127.0.0.1:1", "secret": CANARIES[0]}
    answer = api.post("/api/v1/nodes/", body)
    assert answer.status_code == 500
    assert "a fault of ours" in log.getvalue()
    assert leaks(log.getvalue() + answer.content.decode()) == set()


def test_a_password_is_in_no_dump_and_no_log(log, monkeypatch):
    monkeypatch.setenv("WGPANEL_ADMIN_PASSWORD", GOOD_PASSWORD)
    out = io.StringIO()
    call_command("ensure_admin", stdout=out)
    call_command("dumpdata", stdout=out)
    assert GOOD_PASSWORD not in out.getvalue() + log.getvalue()
