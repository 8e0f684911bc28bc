"""From outcomes to rows: both statements, on the database at hand."""

import datetime as dt
import json
import time

import pytest
from django.db import OperationalError
from wgpanel_agent.documents import StatusReport

from nodes.calling.exchange import AgentError
from nodes.calling.targets import Seen
from nodes.models import Node, Status
from nodes.polls import result_sql, results
from nodes.polls.inquiry import Outcome
from nodes.polls.reports import Told
from nodes.tests.builders import make_node, make_report

pytestmark = pytest.mark.django_db
INTERVAL = dt.timedelta(seconds=15)
REFUSED = AgentError("refused", "Nobody is there.")


def seen(node: Node) -> Seen:
    return Seen._make(Node.objects.filter(pk=node.pk).values_list(*Seen._fields).get())


def outcome(node: Node, result: AgentError | None = None, skew_ms: int | None = None) -> Outcome:
    """Return the outcome of asking `node` just now: a good report, unless it is given an error."""
    report = make_report()
    told = Told(json.dumps(report), StatusReport.parse(report))
    return Outcome(seen(node), time.time(), time.time(), result or told, skew_ms)


def test_reports_and_failures_are_written_together():
    good, bad = make_node(), make_node()
    written = results.write([outcome(good), outcome(bad, REFUSED)], INTERVAL)
    assert (written.rows, written.reported, written.failures) == (2, 1, {"refused": 1})
    statuses = dict(Node.objects.values_list("pk", "status"))
    assert statuses == {good.pk: Status.ONLINE, bad.pk: Status.UNKNOWN}


def test_nothing_to_write_writes_nothing(django_assert_num_queries):
    with django_assert_num_queries(2):  # the two ends of a savepoint
        assert results.write([], INTERVAL).rows == 0


def test_the_number_of_statements_does_not_grow_with_the_batch(django_assert_max_num_queries):
    nodes = [make_node() for _ in range(30)]
    outcomes = [outcome(node) for node in nodes]
    with django_assert_max_num_queries(3):
        assert results.write(outcomes, INTERVAL).rows == 30


def test_the_same_outcome_is_written_once():
    node = make_node()
    once = outcome(node, REFUSED)
    assert [results.write([once], INTERVAL).rows for _ in range(2)] == [1, 0]
    assert Node.objects.get().failures == 1


def test_times_are_stored_as_the_model_reads_them():
    node = make_node()
    told = outcome(node)
    results.write([told], INTERVAL)
    node.refresh_from_db()
    assert node.last_attempt_at.timestamp() == pytest.approx(told.asked_at, abs=2e-6)
    assert node.reported_at.timestamp() == pytest.approx(told.ended_at, abs=2e-6)
    assert node.reported_at.utcoffset() == dt.timedelta(0)


def test_a_whole_second_is_a_time_like_any_other():
    whole = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    node = make_node(last_attempt_at=whole)
    assert results.write([outcome(node)], INTERVAL).rows == 1


@pytest.mark.parametrize(
    ("skew_ms", "stored"), [(600_000, 600_000), (10**12, 2**31 - 1), (-(10**12), 1 - 2**31)]
)
def test_a_skew_is_stored_as_far_as_its_column_reaches(skew_ms, stored):
    results.write([outcome(make_node(), skew_ms=skew_ms)], INTERVAL)
    assert Node.objects.get().clock_skew_ms == stored


def test_a_failure_that_proves_no_skew_keeps_the_known_one():
    node = make_node(clock_skew_ms=600_000)
    results.write([outcome(node, REFUSED)], INTERVAL)
    assert Node.objects.get().clock_skew_ms == 600_000


def test_a_deadlock_is_answered_by_a_second_try(monkeypatch):
    tries: list[int] = []
    update = result_sql._update_both

    def unlucky(*rows) -> int:
        tries.append(1)
        if len(tries) == 1:
            raise OperationalError("deadlock detected")
        return update(*rows)

    monkeypatch.setattr(result_sql, "_update_both", unlucky)
    assert results.write([outcome(make_node())], INTERVAL).rows == 1


def test_an_error_that_stays_is_raised(monkeypatch):
    def away(*rows) -> int:
        raise OperationalError("the database is away")

    monkeypatch.setattr(result_sql, "_update_both", away)
    with pytest.raises(OperationalError):
        results.write([outcome(make_node())], INTERVAL)


def test_a_place_counts_until_the_second_report_after_it():
    node = make_node(assigned_since_report=3)
    for recent in [(0, 3), (0, 0)]:
        results.write([outcome(node)], INTERVAL)
        counts = Node.objects.values_list("assigned_since_report", "assigned_before_report")
        assert counts.get() == recent


def test_a_place_that_is_given_while_the_node_is_asked_is_not_lost():
    told = outcome(make_node())
    Node.objects.update(assigned_peers=1, assigned_since_report=1)
    results.write([told], INTERVAL)
    assert Node.objects.get().load.peers == 3 + 1


def test_a_failure_leaves_the_places_given_since_the_last_report():
    results.write([outcome(make_node(assigned_since_report=3), REFUSED)], INTERVAL)
    assert Node.objects.get().assigned_since_report == 3
