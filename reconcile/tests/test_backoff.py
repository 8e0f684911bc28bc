"""How long a failed push waits."""

import pytest

from reconcile.pushing.backoff import LONGEST, delay


@pytest.mark.parametrize(
    ("attempts", "most"), [(0, 2), (1, 4), (4, 32), (7, 256), (8, LONGEST), (10_000, LONGEST)]
)
def test_each_failure_doubles_the_longest_wait_up_to_5_minutes(attempts, most):
    assert delay(attempts, pick=lambda low, high: high) == most


def test_the_wait_may_be_none_at_all():
    assert delay(5, pick=lambda low, high: low) == 0
