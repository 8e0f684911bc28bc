"""Who is due, who takes it, and polls that were asked for."""

import datetime as dt
import threading
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.utils import timezone

from nodes.models import Node
from nodes.polls import cadence, polling
from nodes.tests.builders import make_node
from nodes.tests.joining import Joiner, make_token
from nodes.tests.polls import ago, poll

pytestmark = pytest.mark.django_db


def claim(limit: int = 1000) -> list[list[UUID]]:
    return list(polling.claim_due(timezone.now(), limit))


def test_only_nodes_that_are_due_are_claimed():
    due = make_node(next_poll_at=ago(1))
    make_node(next_poll_at=ago(-5))
    make_node(next_poll_at=ago(1), enabled=False)
    make_node(next_poll_at=ago(1), claimed_until=ago(-5))
    assert claim() == [[due.pk]]


def test_a_claim_says_until_when_and_touches_nobody_else():
    due, other = make_node(next_poll_at=ago(1)), make_node(next_poll_at=ago(-5))
    claim()
    for node in (due, other):
        node.refresh_from_db()
    assert due.claimed_until > timezone.now()
    assert other.claimed_until is None


def test_a_node_is_claimed_once():
    make_node(next_poll_at=ago(1))
    claim()
    assert claim() == []


def test_a_claim_that_was_not_kept_ends_by_itself():
    node = make_node(next_poll_at=ago(60), claimed_until=ago(1))
    assert claim() == [[node.pk]]


def test_a_claim_from_before_the_clock_stepped_back_is_void():
    node = make_node(next_poll_at=ago(1), claimed_until=ago(-600))
    assert claim() == [[node.pk]]


def test_a_poll_frees_the_claim(live_agent):
    node = live_agent().node(next_poll_at=ago(1))
    claim()
    poll(node)
    assert node.claimed_until is None


def test_those_that_wait_longest_come_first():
    make_node(next_poll_at=ago(1))
    late = make_node(next_poll_at=ago(100))
    assert claim(limit=1) == [[late.pk]]


def test_batches_have_their_size_and_failing_nodes_their_own(settings):
    settings.POLL_BATCH = 2
    sound = {make_node(next_poll_at=ago(1)).pk for _ in range(3)}
    failing = {make_node(next_poll_at=ago(1), failures=1, failing_since=ago(9)).pk}
    batches = claim()
    assert [len(batch) for batch in batches] == [2, 1, 1]
    assert {*batches[0], *batches[1]} == sound
    assert set(batches[2]) == failing


def test_a_node_that_waits_beyond_all_measure_is_made_due():
    stray, patient = make_node(next_poll_at=ago(-3600)), make_node(next_poll_at=ago(-350))
    assert polling.recall_stray(timezone.now(), dt.timedelta(seconds=15)) == 1
    assert claim() == [[stray.pk]]
    assert patient.next_poll_at > timezone.now()


def test_each_batch_is_claimed_when_it_is_asked_for(settings):
    settings.POLL_BATCH = 2
    for _ in range(3):
        make_node(next_poll_at=ago(1))
    batches = polling.claim_due(timezone.now(), 1000)
    assert len(next(batches)) == 2
    assert Node.objects.exclude(claimed_until=None).count() == 2
    assert len(next(batches)) == 1


def test_who_was_claimed_by_another_meanwhile_is_left_to_him(settings):
    settings.POLL_BATCH = 1
    first, second = make_node(next_poll_at=ago(2)), make_node(next_poll_at=ago(1))
    batches = polling.claim_due(timezone.now(), 1000)
    assert next(batches) == [first.pk]
    assert claim() == [[second.pk]]
    assert list(batches) == []


@pytest.mark.django_db(transaction=True)
def test_eight_workers_that_claim_at_once_get_each_node_once():
    nodes = {make_node(next_poll_at=ago(1)).pk for _ in range(60)}
    start, claimed = threading.Barrier(8), []

    def work() -> None:
        start.wait()
        while batches := claim(limit=10):
            claimed.extend(pk for batch in batches for pk in batch)
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert (len(claimed), set(claimed)) == (60, nodes)


def test_poll_now_makes_enabled_nodes_due_and_says_how_many():
    make_node(next_poll_at=ago(-300))
    make_node(next_poll_at=ago(-300), enabled=False)
    assert polling.request_polls(Node.objects.all()) == 1
    assert len(claim()[0]) == 1


def test_poll_now_leaves_other_nodes_alone():
    make_node(name="other", next_poll_at=ago(-300))
    assert polling.request_polls(Node.objects.filter(name="mine")) == 0
    assert claim() == []


def test_poll_now_wakes_a_worker_after_the_commit(django_capture_on_commit_callbacks, monkeypatch):
    sent: list[str] = []
    monkeypatch.setattr(polling.current_app, "send_task", lambda name, **_: sent.append(name))
    make_node()
    with django_capture_on_commit_callbacks(execute=True):
        polling.request_polls(Node.objects.all())
        assert sent == []
    assert sent == ["nodes.tasks.start_polls"]


def test_poll_now_for_nobody_wakes_nobody(django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as callbacks:
        polling.request_polls(Node.objects.none())
    assert callbacks == []


@pytest.mark.django_db(transaction=True)
def test_poll_now_works_while_the_broker_is_down(monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr(polling.current_app, "send_task", fail)
    make_node(next_poll_at=ago(-300))
    with transaction.atomic():
        assert polling.request_polls(Node.objects.all()) == 1
    assert len(claim()) == 1


def test_a_node_that_joined_is_asked_each_second_until_it_reports():
    now = timezone.now()
    row, token = make_token()
    assert Joiner(token).ask().status_code == 200
    node = Node.objects.filter(join_tokens=row)
    node.update(next_poll_at=now + dt.timedelta(minutes=1))
    assert polling.hurry_joining(now) == 1
    assert polling.hurry_joining(now + cadence.JOINING + dt.timedelta(seconds=9)) == 0
    node.update(next_poll_at=now + dt.timedelta(minutes=1), reported_at=now)
    assert polling.hurry_joining(now) == 0
