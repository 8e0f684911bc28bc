"""A node's key is exchanged with the agent's real edge; whatever is lost, one key is in common."""

import datetime as dt
import json

import pytest
from django.utils import timezone
from rest_framework.test import APIClient
from wgpanel_agent.keys.key_ring import OVERLAP

from accounts.tests.builders import make_admin
from nodes import rotation
from nodes.calling import client as calls
from nodes.calling.exchange import AgentError
from nodes.keyed import RotationStep
from nodes.models import Node, Status
from nodes.polls import polling
from nodes.tests.builders import make_node, make_online_node

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def woken(monkeypatch):
    """Count the wake-ups; nothing reaches a broker."""
    sent: list[str] = []
    monkeypatch.setattr(rotation.current_app, "send_task", lambda name, **_: sent.append(name))
    return sent


@pytest.fixture
def agent(live_agent):
    return live_agent()


@pytest.fixture
def node(agent):
    return agent.node()


def begin(node: Node, **options) -> None:
    rotation.start(Node.objects.filter(pk=node.pk), None, **options)


def hurry(node: Node) -> None:
    """Let the time pass until the next step, and take it."""
    Node.objects.filter(pk=node.pk).update(rotation_due_at=timezone.now())
    rotation.go_on(node.pk)
    node.refresh_from_db()


def answers(node: Node) -> bool:
    node.refresh_from_db()
    calls.test_connection(node)
    return polling.poll([node.pk]).reported == 1


def lose(monkeypatch, step: str, *, asked: bool):
    """Lose the next call of a step: on the way there, or the answer."""
    post = rotation._post

    def lossy(node, name, *body, **parts):
        if name == step:
            monkeypatch.setattr(rotation, "_post", post)
            if asked:
                post(node, name, *body, **parts)
            raise AgentError("timeout", "No answer within 10 s.")
        return post(node, name, *body, **parts)

    monkeypatch.setattr(rotation, "_post", lossy)


def test_a_click_gives_the_node_another_key(agent, node, woken):
    old = node.secret.reveal()
    begin(node)
    rotation.go_on(node.pk)
    node.refresh_from_db()
    assert woken == [rotation.TASK]
    assert (node.secret_seq, node.next_secret, node.rotation_step) == (2, None, "retire")
    assert node.secret.reveal() != old
    assert set(agent.keys) == {f"{node.pk}.1", f"{node.pk}.2"}
    assert answers(node)


def test_after_the_overlap_the_old_key_is_worth_nothing(agent, node):
    begin(node)
    rotation.go_on(node.pk)
    hurry(node)
    assert (node.rotation_step, node.rotation_due_at) == ("", None)
    assert set(agent.keys) == {f"{node.pk}.2"}
    assert answers(node)


def test_an_emergency_knows_no_overlap(agent, node):
    begin(node, urgent=True)
    rotation.go_on(node.pk)
    assert set(agent.keys) == {f"{node.pk}.2"}
    assert answers(node)


def test_an_emergency_ends_an_overlap(agent, node):
    begin(node)
    rotation.go_on(node.pk)
    begin(node, urgent=True)
    rotation.go_on(node.pk)
    assert set(agent.keys) == {f"{node.pk}.2"}


@pytest.mark.parametrize("asked", [False, True], ids=["the request", "the answer"])
@pytest.mark.parametrize("step", ["stage", "prove", "retire"])
def test_whatever_is_lost_the_node_answers_and_the_rotation_goes_on(
    agent, node, step, asked, monkeypatch
):
    lose(monkeypatch, step, asked=asked)
    begin(node, urgent=True)
    rotation.go_on(node.pk)
    assert answers(node)
    assert node.rotation_problem == "No answer within 10 s."
    assert node.rotation_due_at > timezone.now()
    hurry(node)
    assert (node.rotation_step, node.rotation_problem, node.secret_seq) == ("", "", 2)
    assert set(agent.keys) == {f"{node.pk}.2"}
    assert answers(node)


def test_a_day_after_a_lost_proof_the_next_key_is_tried(agent, node, monkeypatch):
    lose(monkeypatch, "prove", asked=True)
    begin(node)
    rotation.go_on(node.pk)
    agent.clock_offset += OVERLAP + 1
    Node.objects.filter(pk=node.pk).update(clock_skew_ms=agent.clock_offset * 1000)
    assert set(agent.keys) == {f"{node.pk}.2"}
    assert answers(node)
    hurry(node)
    assert node.secret_seq == 2


def test_a_refusal_that_nobody_signed_drops_no_key(agent, node, monkeypatch):
    lose(monkeypatch, "prove", asked=True)
    begin(node)
    rotation.go_on(node.pk)
    node.refresh_from_db()
    kept = node.next_secret.reveal()
    forged = AgentError("wrong_key", "Wrong key: the agent refused the signature.")
    monkeypatch.setattr(rotation.client, "call", lambda *_, **__: raising(forged))
    hurry(node)
    monkeypatch.undo()
    assert (node.rotation_step, node.next_secret.reveal()) == ("stage", kept)
    hurry(node)
    assert node.rotation_step == "prove"
    hurry(node)
    assert (node.secret.reveal(), node.secret_seq) == (kept, 2)


def raising(error: AgentError):
    raise error


def test_an_agent_that_forgot_the_staged_key_is_given_another(agent, node, monkeypatch):
    lose(monkeypatch, "prove", asked=False)
    begin(node)
    rotation.go_on(node.pk)
    agent.clock_offset += OVERLAP + 1
    Node.objects.filter(pk=node.pk).update(clock_skew_ms=agent.clock_offset * 1000)
    hurry(node)
    assert node.rotation_step == "stage"
    hurry(node)
    assert node.secret_seq == 2
    assert answers(node)


def test_of_two_workers_one_takes_the_step(node, monkeypatch):
    begin(node)
    calls = []

    def stage(claimed):
        calls.append(claimed.pk)
        rotation.go_on(claimed.pk)
        raise AgentError("timeout", "No answer within 10 s.")

    monkeypatch.setattr(rotation, "_stage", stage)
    rotation.go_on(node.pk)
    assert calls == [node.pk]


def test_a_secret_that_somebody_types_ends_a_rotation(node):
    begin(node)
    rotation.go_on(node.pk)
    node.refresh_from_db()
    node.save(update_fields=node.take_secret("another secret of more than 32 bytes, indeed"))
    node.refresh_from_db()
    assert (node.secret_seq, node.next_secret, node.first_secret) == (1, None, None)
    assert (node.rotation_step, node.rotation_due_at) == (RotationStep.NONE, None)


def test_a_bad_share_of_an_agent_is_a_problem_in_words(node, monkeypatch):
    begin(node)
    answer = calls.Answer(200, json.dumps({"share": "0" * 512}).encode(), None, 0, 0, 0)
    monkeypatch.setattr(rotation.client, "call", lambda *_, **__: answer)
    rotation.go_on(node.pk)
    node.refresh_from_db()
    assert node.rotation_problem == "The agent's share of the new key is none."


def test_keys_that_are_too_old_are_rotated_where_the_node_answers(settings, woken):
    settings.WGPANEL_KEY_DAYS = 90
    now = timezone.now()
    old = make_online_node(rotated_at=now - dt.timedelta(days=91))
    make_online_node(rotated_at=now - dt.timedelta(days=89))
    make_node(rotated_at=now - dt.timedelta(days=91), status=Status.OFFLINE)
    assert rotation.start_overdue(now) == 1
    assert rotation.due(timezone.now()) == [old.pk]
    assert rotation.start_overdue(now) == 0


def test_without_a_limit_no_key_is_too_old(settings):
    settings.WGPANEL_KEY_DAYS = 0
    node = make_online_node(rotated_at=timezone.now() - dt.timedelta(days=999))
    assert rotation.start_overdue(timezone.now()) == 0
    assert not node.is_key_overdue


def test_a_key_is_overdue_when_rotation_failed_for_a_week(settings):
    settings.WGPANEL_KEY_DAYS = 90
    now = timezone.now()
    assert Node(rotated_at=now - dt.timedelta(days=98)).is_key_overdue
    assert not Node(rotated_at=now - dt.timedelta(days=96)).is_key_overdue


def test_the_history_says_who_began(node):
    user = make_admin()
    rotation.start(Node.objects.filter(pk=node.pk), user)
    entry = node.history.first()
    assert (entry.history_user, entry.history_change_reason) == (
        user,
        "Rotation of the key began.",
    )


def test_a_node_without_a_secret_or_disabled_is_left_alone():
    assert rotation.start(Node.objects.filter(pk=make_node(secret=None).pk), None) == 0
    disabled = make_node(enabled=False)
    begin(disabled)
    assert rotation.due(timezone.now()) == []


def test_the_page_of_a_node_begins_a_rotation_and_tells_of_it(node, client):
    client.force_login(make_admin())
    page = f"/admin/nodes/node/{node.pk}/"
    answer = client.post(f"{page}rotate/", {"retire": "now"}, follow=True)
    assert "1 node will get a new key" in answer.content.decode()
    assert "Agree on a new key" in client.get(f"{page}live/").content.decode()
    rotation.go_on(node.pk)
    node.refresh_from_db()
    assert (node.secret_seq, node.rotation_step) == (2, "")


@pytest.mark.parametrize("action", ["rotate_key", "replace_key"])
def test_the_list_begins_a_rotation(node, client, action):
    client.force_login(make_admin())
    chosen = {"action": action, "_selected_action": [node.pk]}
    client.post("/admin/nodes/node/", chosen)
    node.refresh_from_db()
    assert (node.rotation_step, node.rotation_is_urgent) == ("stage", action == "replace_key")


def test_the_page_warns_of_a_key_that_is_overdue(node, client):
    client.force_login(make_admin())
    Node.objects.filter(pk=node.pk).update(rotated_at=timezone.now() - dt.timedelta(days=200))
    page = client.get(f"/admin/nodes/node/{node.pk}/live/").content.decode()
    assert "older than it should be" in page


def test_a_program_begins_a_rotation(node):
    api = APIClient()
    api.force_authenticate(make_admin())
    path = f"/api/v1/nodes/{node.pk}/rotate-key/"
    assert api.post(path, {"retire_now": "perhaps"}, format="json").status_code == 400
    answer = api.post(path, {"retire_now": True}, format="json")
    assert (answer.status_code, answer.json()["rotation_step"]) == (202, "stage")
    node.refresh_from_db()
    assert node.rotation_is_urgent


def test_the_key_of_a_disabled_node_is_not_rotated():
    api = APIClient()
    api.force_authenticate(make_admin())
    path = f"/api/v1/nodes/{make_node(enabled=False).pk}/rotate-key/"
    answer = api.post(path)
    assert answer.status_code == 409
    assert "disabled" in answer.content.decode()
