"""Join tokens and the secrets of a rotation: shown once or never, and found nowhere else."""

import io
import json
import logging

import pytest
from celery import current_app
from django.core.management import call_command
from django.urls import reverse
from rest_framework.test import APIClient
from wgpanel_agent.proof import Token

from accounts.tests.builders import make_admin
from nodes import rotation
from nodes.enrolment.join_token import JoinToken
from nodes.models import Node
from nodes.tests.joining import Joiner
from peers.tests.builders import make_interface, make_peer
from wgpanel.tests.canaries import leaks, make_canary, spellings
from wgpanel.tests.stored import stored_bytes
from wgpanel.tests.test_canaries_of_peers import SILENT, address

pytestmark = pytest.mark.django_db
TOKENS = "/api/v1/join-tokens/"
PAGES = (
    "/admin/", "/admin/live/", "/admin/nodes/node/", "/admin/nodes/node/{node}/change/",
    "/admin/nodes/node/{node}/history/", "/admin/nodes/jointoken/",
    "/admin/nodes/jointoken/{token}/change/", "/metrics", "/healthz", "/install.sh",
)  # fmt: skip


class Planted:
    """What must be found nowhere, beside the rows that hold it."""

    def __init__(self, used: str, unused: str, node: Node) -> None:
        self.token, self.node = unused, node
        self.row = JoinToken.objects.get(name="fra2")
        sealed = (node.secret, node.next_secret, node.first_secret)
        self.canaries = {secret.reveal() for secret in sealed}
        for token in (used, unused):
            self.canaries |= {token.partition(".")[2], Token.parse(token).key.hex()}
        self.peer = make_peer(interface=make_interface(node=node))

    def leaks(self, text: str) -> set[str]:
        return leaks(text, self.canaries)


@pytest.fixture
def sent(monkeypatch):
    """Every message to the broker, as it would be written there."""
    messages: list[str] = []

    def publish(self, body, *args, **kwargs):
        messages.append(repr((body, args, kwargs)))

    monkeypatch.setattr("kombu.Producer.publish", publish)
    return messages


@pytest.fixture
def planted(log, sent, user, django_capture_on_commit_callbacks) -> Planted:
    """An unused token, made by REST; a node that joined with another, amid a rotation."""
    api = APIClient()
    api.force_authenticate(user)
    with django_capture_on_commit_callbacks(execute=True):
        used, unused = (api.post(TOKENS, {"name": name}).json() for name in ("fra1", "fra2"))
        assert Joiner(used["token"]).ask().status_code == 200
        node = Node.objects.get()
        node.next_secret, node.next_secret_seq = make_canary(), 2
        node.first_secret = make_canary()
        node.save()
        rotation.start(Node.objects.all(), user)
    return Planted(used["token"], unused["token"], node)


def test_the_canaries_are_really_in_and_the_search_finds_each_spelling(planted):
    assert planted.row.key.reveal() in planted.canaries
    assert len(planted.canaries) == 7
    for canary in planted.canaries:
        assert all(planted.leaks(f"…{spelling}…") for spelling in spellings(canary))


def test_no_answer_by_rest_shows_them_again(planted, api):
    for route in [*SILENT, f"{TOKENS}{planted.row.pk}/"]:
        path = route if "{" not in route else address(route, planted.peer)
        path = path if "join-tokens" not in route else route.format(planted.row.pk)
        assert planted.leaks(api.get(path).getvalue().decode()) == set(), path
    assert api.get(f"{TOKENS}{planted.row.pk}/").json()["name"] == "fra2"


def test_no_page_shows_them_again(planted, client):
    client.force_login(make_admin(username="boss"))
    for page in PAGES:
        answer = client.get(page.format(node=planted.node.pk, token=planted.row.pk))
        assert answer.status_code == 200, page
        assert planted.leaks(answer.content.decode()) == set(), page


def test_no_message_to_the_broker_and_no_argument_of_a_task_has_them(planted, sent):
    current_app.send_task(rotation.TASK)
    assert any(rotation.TASK in message for message in sent)
    assert planted.leaks("".join(sent)) == set()


def test_no_log_line_and_no_refusal_has_them_whatever_goes_wrong(planted, log, client, api):
    client.force_login(make_admin(username="boss"))
    for canary in planted.canaries:
        told = [api.post("/api/v1/enrol/", {"token": canary, "hello": canary, "proof": canary})]
        told.append(api.post(TOKENS, {"name": f"{canary}\n", "source": canary, "weight": canary}))
        assert [answer.status_code for answer in told] == [400, 400]
        assert planted.leaks("".join(answer.content.decode() for answer in told)) == set()
        logging.getLogger("test").warning("%r %s", planted.row, planted.node.next_secret)
    row = planted.row
    client.post(reverse("admin:nodes_jointoken_revoke", args=[row.pk]))
    assert "fra1" in log.getvalue()
    assert planted.leaks(log.getvalue()) == set()


def test_a_fault_amid_a_joining_shows_them_to_nobody(planted, log, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("nodes.enrolment.rows.save", fail)
    client = APIClient(raise_request_exception=False, REMOTE_ADDR="127.0.0.9")
    answer = client.post("/api/v1/enrol/", Joiner(planted.token).body)
    assert answer.status_code == 500
    assert "a fault of ours" in log.getvalue()
    assert planted.leaks(log.getvalue() + answer.content.decode()) == set()


def test_no_row_of_any_table_has_them(planted):
    out = io.StringIO()
    call_command("dumpdata", stdout=out)
    assert str(planted.row.pk) in out.getvalue()
    assert planted.leaks(out.getvalue()) == set()
    assert planted.leaks(json.dumps(list(Node.history.values()), default=str)) == set()


@pytest.mark.django_db(transaction=True)
def test_no_byte_of_the_database_has_them(planted):
    written = stored_bytes()
    assert str(planted.row.lookup) in written
    assert planted.leaks(written) == set()
