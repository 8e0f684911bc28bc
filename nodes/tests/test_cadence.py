"""When nodes are asked."""

from collections import Counter
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.polls import cadence

INTERVAL = timedelta(seconds=15)
NODE = UUID("5ae15bcd-7a9b-4f7c-9f0a-0d0a0f1f2a3b")
NOW = 1_767_225_600.0


@given(node=st.uuids(), now=st.floats(1e9, 4e9), seconds=st.integers(5, 3600))
def test_the_next_slot_is_ahead_and_at_most_one_interval_away(node, now, seconds):
    slot = cadence.next_slot(node, timedelta(seconds=seconds), now)
    assert 0 < slot - now <= seconds + 1e-3


@given(node=st.uuids(), now=st.floats(1e9, 4e9))
def test_slots_of_a_node_are_whole_intervals_apart(node, now):
    first = cadence.next_slot(node, INTERVAL, now)
    later = cadence.next_slot(node, INTERVAL, first + 100)
    assert round((later - first) % 15, 3) in (0, 15)


def test_the_phase_of_a_node_never_changes():
    assert cadence.next_slot(NODE, INTERVAL, NOW) == pytest.approx(NOW + 2.754, abs=0.001)


def test_nodes_are_spread_evenly_over_the_interval():
    slots = [cadence.next_slot(uuid4(), INTERVAL, NOW) - NOW for _ in range(15_000)]
    filled = Counter(int(slot) for slot in slots)
    assert min(filled[second] for second in range(15)) > 800


@pytest.mark.parametrize(("failures", "wait"), [(1, 5), (2, 10)])
def test_the_first_retries_come_soon(failures, wait):
    assert cadence.next_try(failures, NOW) == NOW + wait


@pytest.mark.parametrize(("failures", "longest"), [(3, 16), (5, 64), (8, 300), (1000, 300)])
def test_later_retries_back_off_to_five_minutes(failures, longest):
    assert cadence.next_try(failures, NOW, pick=lambda low, high: high) == NOW + longest


def test_a_retry_is_anywhere_in_its_range_but_never_at_once():
    assert cadence.next_try(9, NOW, pick=lambda low, high: low) == NOW + 5


@pytest.mark.parametrize(("interval", "grace"), [(5, 40), (15, 40), (20, 50), (3600, 7210)])
def test_the_grace_is_forty_seconds_or_two_intervals_and_ten_seconds(interval, grace):
    assert cadence.grace(timedelta(seconds=interval)) == timedelta(seconds=grace)


def test_a_killed_agent_has_failed_twice_before_its_grace_is_over():
    """The arithmetic of docs/decisions/0001: the worst case, a hanging agent asked last of all."""
    one_poll = cadence.TICK + cadence.POLL_SECONDS
    second_failure = INTERVAL.total_seconds() + one_poll + cadence.FIRST_RETRIES[0] + one_poll
    settled = cadence.grace(INTERVAL) - cadence.SETTLE_AHEAD
    assert second_failure < settled.total_seconds()


def test_a_claim_outlives_its_batch_and_the_calls_of_both_tries():
    longest_round = timedelta(seconds=2 * cadence.POLL_SECONDS)
    assert cadence.BATCH_EXPIRES + longest_round < cadence.CLAIM
