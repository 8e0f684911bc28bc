"""What the outcomes of a round mean for the rows of the nodes.

Only the columns of polling are written, and only to a row that is still as it was when the node was
asked: same address, same secret, enabled, no other poll since. So a deleted node does not return,
an older result never replaces a newer one, and nothing an operator changed is touched.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from nodes import status
from nodes.calling.exchange import AgentError
from nodes.calling.targets import storable_skew
from nodes.polls import cadence, result_sql
from nodes.polls.inquiry import Outcome
from nodes.polls.reports import Told
from nodes.polls.result_sql import Attempt, Reported, Row

LARGEST_INTEGER = 2**31 - 1
LONGEST_VERSION = 32


class Written(NamedTuple):
    """How many rows were still as when they were asked, how many nodes reported, what failed."""

    rows: int
    reported: int
    failures: Counter[str]


def write(outcomes: Iterable[Outcome], interval: dt.timedelta) -> Written:
    """Store reports and failures. Each outcome is let go as soon as its row is made."""
    reported: list[Row] = []
    failed: list[Row] = []
    codes: Counter[str] = Counter()
    for outcome in outcomes:
        if isinstance(outcome.result, AgentError):
            failed.append(_failure_row(outcome, outcome.result))
            codes[outcome.result.code] += 1
        else:
            reported.append(_report_row(outcome, outcome.result, interval))
    return Written(result_sql.update(reported, failed), len(reported), codes)


def _report_row(outcome: Outcome, told: Told, interval: dt.timedelta) -> Row:
    report = told.report
    verdict, reason = status.of_report(report, outcome.skew_ms or 0)
    next_slot = cadence.next_slot(outcome.node.id, interval, outcome.ended_at)
    reported = Reported(
        status=verdict.value,
        report=told.text,
        version=report.version[:LONGEST_VERSION],
        active_peers=min(report.active_peers, LARGEST_INTEGER),
        cpu=report.cpu_percent,
        memory=report.memory_percent,
        disk=report.disk_percent,
    )
    return _attempt(outcome, reason, next_slot) + reported


def _failure_row(outcome: Outcome, error: AgentError) -> Row:
    next_try = cadence.next_try(outcome.node.failures + 1, outcome.ended_at)
    return _attempt(outcome, status.reason(error.sentence), next_try)


def _attempt(outcome: Outcome, reason: str, next_poll_at: float) -> Attempt:
    node = outcome.node
    skew_ms = node.clock_skew_ms if outcome.skew_ms is None else outcome.skew_ms
    return Attempt(
        node=node.id,
        agent_url=node.agent_url,
        secret=node.secret or "",
        seen_at=node.last_attempt_at,
        asked_at=_time(outcome.asked_at),
        ended_at=_time(outcome.ended_at),
        next_poll_at=_time(next_poll_at),
        reason=reason,
        skew_ms=skew_ms and storable_skew(skew_ms),
    )


def _time(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)
