"""What reports change of what is known of interfaces."""

import datetime as dt
from uuid import uuid4

import pytest
from django.utils import timezone

from nodes.interfaces import Condition, Interface
from nodes.models import Node
from nodes.tests import builders as nodes
from reconcile.checks import reported
from reconcile.models import ReconcileRun
from reconcile.tests.builders import add_peers, fresh, make_new_interface

pytestmark = pytest.mark.django_db


def ago(seconds: float) -> dt.datetime:
    return timezone.now() - dt.timedelta(seconds=seconds)


def confirmed(**fields) -> Interface:
    """An interface that its node confirmed a while ago."""
    interface = make_new_interface(1)
    told = {
        "observed_generation": interface.desired_generation,
        "observed_hash": interface.desired_hash,
        "condition": "in_sync",
        "synced_at": ago(60),
    }
    Interface.objects.filter(pk=interface.pk).update(**{**told, **fields})
    return fresh(interface)


def report(interface: Interface, **fields) -> Interface:
    """Let the node report on the interface, and return what that makes of it."""
    told = {
        "epoch": str(interface.epoch),
        "generation": interface.observed_generation,
        "hash": interface.observed_hash,
        "condition": "in_sync",
        "drift": 0,
    }
    said = nodes.make_report(
        interfaces={interface.name: nodes.make_interface(**{**told, **fields})}
    )
    Node.objects.update(health_json=said, reported_at=ago(1))
    reported.settle(timezone.now())
    return fresh(interface)


def test_a_report_of_what_is_known_changes_nothing():
    interface = confirmed()
    with_report = report(interface)
    assert with_report.condition == Condition.IN_SYNC
    assert list(reported.differing(timezone.now())) == []


def test_drift_that_a_node_reports_is_noted():
    interface = report(confirmed(), condition="drifted", drift=3)
    assert (interface.condition, interface.condition_reason) == (
        "drifted",
        "3 differences on the node.",
    )


def test_drift_that_is_gone_is_noted_too():
    assert report(confirmed(condition="drifted")).condition == "in_sync"


def test_what_is_half_applied_is_noted():
    assert report(confirmed(), condition="incomplete", drift=1).condition == "incomplete"


def test_the_answer_to_a_push_that_got_lost_comes_with_the_report():
    interface = confirmed(observed_generation=1, observed_hash="0" * 64, condition="pending")
    told = {"generation": interface.desired_generation, "hash": interface.desired_hash}
    interface = report(interface, **told)
    assert (interface.condition, interface.observed_hash) == ("in_sync", interface.desired_hash)


def test_a_node_that_is_ahead_of_the_database_is_a_conflict():
    assert report(confirmed(), generation=99, hash="f" * 64).condition == "conflict"


def test_a_node_that_follows_another_panel_is_a_conflict():
    assert report(confirmed(), epoch=str(uuid4()), generation=5).condition == "conflict"


def test_a_conflict_is_over_when_the_node_has_what_is_desired():
    assert report(confirmed(condition="conflict")).condition == "in_sync"


def test_a_node_that_lost_its_journal_is_told_again_at_once():
    interface = report(
        confirmed(sync_not_before=ago(-300)),
        **dict.fromkeys(("epoch", "generation", "hash")),
        condition="lost",
    )
    assert (interface.condition, interface.sync_not_before) == ("lost", None)


def test_a_node_that_knows_nothing_any_more_is_lost():
    forgotten = dict.fromkeys(("epoch", "generation", "hash", "condition", "drift"))
    assert report(confirmed(), **forgotten).condition == "lost"


def test_a_node_that_fell_back_is_lost():
    interface = confirmed()
    assert report(interface, generation=1, hash="e" * 64).condition == "lost"


@pytest.mark.parametrize(
    "told",
    [
        {"generation": 1, "hash": "e" * 64},
        {"epoch": str(uuid4())},
        dict.fromkeys(("epoch", "generation", "hash", "condition")),
    ],
)
def test_a_report_that_may_be_older_than_the_push_says_nothing(told):
    assert report(confirmed(synced_at=ago(2)), **told).condition == "in_sync"


def test_an_interface_that_was_never_pushed_is_not_lost():
    interface = make_new_interface()
    forgotten = dict.fromkeys(("epoch", "generation", "hash", "condition", "drift"))
    assert report(interface, **forgotten).condition == "pending"


def test_a_report_says_nothing_of_edits_that_are_on_their_way():
    interface = confirmed()
    add_peers(interface, 1)
    Interface.objects.update(condition="pending")
    assert report(fresh(interface)).condition == "pending"


def test_a_decision_that_is_on_its_way_is_no_new_conflict():
    interface = confirmed(condition="pending")
    ReconcileRun.objects.create(interface=interface, kind="take_over", generation=2)
    assert report(interface, epoch=str(uuid4()), generation=5).condition == "pending"


def test_an_old_report_is_history():
    interface = confirmed()
    report(interface)
    Node.objects.update(reported_at=ago(300))
    Interface.objects.update(condition="drifted")
    assert list(reported.differing(timezone.now())) == []


def test_all_reports_are_read_by_one_query(django_assert_num_queries):
    for _ in range(3):
        report(confirmed(), condition="drifted")
    Interface.objects.update(condition="in_sync")
    with django_assert_num_queries(1):
        assert len(list(reported.differing(timezone.now()))) == 3
