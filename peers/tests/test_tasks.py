"""What runs by itself, and that beat knows of it."""

import datetime as dt

import pytest
from celery import current_app
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from nodes.models import Node
from peers import facts, tasks
from peers.models import IdempotencyKey, Peer
from peers.tests.builders import make_interface, make_peer

pytestmark = pytest.mark.django_db


def test_beat_starts_tasks_that_exist_on_queues_that_are_served():
    rows = PeriodicTask.objects.filter(task__startswith="peers.tasks.")
    assert {row.task for row in rows} <= set(current_app.tasks)
    assert {row.task.rpartition(".")[2]: row.queue for row in rows} == {
        "expire": "sync",
        "review_addresses": "maint",
        "read_facts": "poll",
        "tidy_up": "maint",
    }


def test_peers_expire_by_themselves():
    peer = make_peer(expires_at=timezone.now() + dt.timedelta(hours=1))
    Peer.objects.update(expires_at=timezone.now())
    tasks.expire()
    peer.refresh_from_db()
    assert not peer.present


def test_full_nodes_are_looked_at_again():
    make_interface()
    Node.objects.update(has_free_address=False)
    tasks.review_addresses()
    assert Node.objects.get().has_free_address


def test_nodes_are_asked_in_batches_by_one_of_several_beats(monkeypatch):
    interfaces = [make_peer().interface for _ in range(3)]
    monkeypatch.setattr(tasks, "FACTS_BATCH", 2)
    sent = []
    monkeypatch.setattr(tasks.read_facts_of, "delay", sent.append)
    tasks.read_facts()
    tasks.read_facts()
    assert [len(batch) for batch in sent] == [2, 1]
    assert {pk for batch in sent for pk in batch} == {str(one.pk) for one in interfaces}


def test_a_batch_is_collected_by_ids(monkeypatch):
    collected = []
    monkeypatch.setattr(facts, "collect", collected.extend)
    interface = make_interface()
    tasks.read_facts_of([str(interface.pk)])
    assert collected == [interface.pk]


def test_the_night_recounts_and_forgets_old_keys():
    make_peer()
    old = timezone.now() - dt.timedelta(hours=25)
    for key, created_at in (("old", old), ("new", timezone.now())):
        IdempotencyKey.objects.create(
            key=key, request_digest="", peer_id=Peer.objects.get().pk, created_at=created_at
        )
    tasks.tidy_up()
    assert Node.objects.get().assigned_peers == 1
    assert IdempotencyKey.objects.get().key == "new"
