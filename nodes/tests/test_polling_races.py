"""Polling undoes nobody's work, and dead nodes do not delay the rest."""

import datetime as dt
import json
import threading
import time
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.utils import timezone

from nodes.models import Node, Status
from nodes.polls import polling
from nodes.tests import agents
from nodes.tests.builders import make_interface, make_node, make_online_node, make_report
from nodes.tests.polls import poll

pytestmark = pytest.mark.django_db
SECRET = "a secret of more than 32 bytes, of course"


class Held:
    """An agent whose answer waits until the test lets it go."""

    def __init__(self, secret: str, node_id: UUID) -> None:
        self.asked, self.free = threading.Event(), threading.Event()
        self._answer = agents.signing_as(str(node_id), secret)

    def __call__(self, conn) -> None:
        conn.recv(1, agents.socket.MSG_PEEK)
        self.asked.set()
        self.free.wait(20)
        self._answer(conn)


@pytest.fixture
def held_poll(impostor, transactional_db):
    """Return an act that polls a node, and does something while it is being asked."""

    def act(meanwhile: Callable[[UUID], object]) -> polling.Round:
        agent = Held(SECRET, node_id := uuid4())
        make_node(id=node_id, agent_url=impostor(agent).url, secret=SECRET)
        done: list[polling.Round] = []
        thread = threading.Thread(
            target=lambda: (done.append(polling.poll([node_id])), connection.close())
        )
        thread.start()
        assert agent.asked.wait(20)
        meanwhile(node_id)
        agent.free.set()
        thread.join()
        return done[0]

    return act


def test_a_node_that_was_deleted_meanwhile_does_not_come_back(held_poll):
    done = held_poll(lambda pk: Node.objects.filter(pk=pk).delete())
    assert (done.reported, done.written, Node.objects.count()) == (1, 0, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"agent_url": "http://127.0.0.1:9"},
        {"enabled": False},
        {"last_attempt_at": dt.datetime(2030, 1, 1, tzinfo=dt.UTC)},
    ],
    ids=["another address", "disabled", "another poll"],
)
def test_a_result_for_what_the_row_was_before_is_dropped(held_poll, change):
    done = held_poll(lambda pk: Node.objects.filter(pk=pk).update(**change))
    assert (done.written, Node.objects.get().status) == (0, Status.UNKNOWN)


def test_a_result_got_with_an_earlier_secret_is_dropped(held_poll):
    def change(pk: UUID) -> None:
        node = Node.objects.get(pk=pk)
        node.secret = "another secret of more than 32 bytes, indeed"
        node.save(update_fields=["secret"])

    assert held_poll(change).written == 0


def test_what_an_operator_changes_meanwhile_stays(held_poll):
    changed = {"name": "renamed", "maintenance": True, "weight": 2, "max_peers": 7}
    done = held_poll(lambda pk: Node.objects.filter(pk=pk).update(**changed))
    assert done.written == 1
    assert Node.objects.values(*changed).get() == changed


def test_whoever_asks_for_a_poll_while_one_runs_gets_another(held_poll):
    held_poll(lambda pk: polling.request_polls(Node.objects.filter(pk=pk)))
    node = Node.objects.get()
    assert (node.status, node.next_poll_at <= timezone.now()) == (Status.ONLINE, True)


def test_a_disabled_node_is_not_asked(live_agent):
    agent = live_agent()
    assert poll(agent.node(enabled=False)).asked == 0
    assert agent.asked == 0


def test_a_node_that_is_gone_is_left_out():
    assert polling.poll([uuid4()]).asked == 0


def until(is_true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not (seen := is_true()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return seen


@pytest.mark.django_db(transaction=True)
def test_the_sound_ones_of_a_mixed_fleet_are_stored_while_the_silent_still_keep_us_waiting(
    live_agent, impostor
):
    black_hole = impostor(agents.silent)
    dead = [make_online_node(agent_url=black_hole.url) for _ in range(30)]
    behaviours = [
        agents.trickling_body,
        agents.answering("200 OK", b"<html>"),
        agents.answering("500 Oops"),
    ]
    dead += [make_online_node(agent_url=impostor(behave).url) for behave in behaviours]
    seen = {node.pk: node.reported_at for node in dead}
    sound = [live_agent().node() for _ in range(4)]
    broken = live_agent()
    broken.body = json.dumps(
        make_report(interfaces={"wg0": make_interface(status="down", public_key=None)})
    ).encode()
    missing = broken.node()
    every = [node.pk for node in (*dead, *sound, missing)]
    thread = threading.Thread(target=lambda: (polling.poll(every), connection.close()))
    thread.start()

    assert until(
        lambda: (
            Node.objects.filter(
                status=Status.ONLINE, failures=0, pk__in=[n.pk for n in sound]
            ).count()
            == 4
        )
    )
    assert thread.is_alive()
    thread.join()
    missing.refresh_from_db()
    assert (missing.status, missing.status_reason) == (Status.DEGRADED, "wg0 is missing")
    assert dict(Node.objects.filter(pk__in=seen).values_list("pk", "reported_at")) == seen
    reasons = set(Node.objects.filter(pk__in=seen).values_list("status_reason", flat=True))
    assert reasons == {
        "No answer within 7 s.",
        "Unsigned answer: this may not be our agent.",
        "Unsigned answer: HTTP 500.",
    }
