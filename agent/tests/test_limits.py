"""Token buckets."""

import pytest
from wgpanel_agent.api.limits import MANY_CALLERS, Limiter, Rate, neighbourhood


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_passes_and_then_the_rate_holds():
    clock = Clock()
    limiter = Limiter(Rate(2, 3), clock)
    assert [limiter.allows("a") for _ in range(4)] == [True, True, True, False]
    clock.now += 0.5
    assert [limiter.allows("a") for _ in range(2)] == [True, False]


def test_waiting_saves_no_more_than_a_burst():
    clock = Clock()
    limiter = Limiter(Rate(2, 3), clock)
    clock.now += 3600
    assert [limiter.allows("a") for _ in range(4)] == [True, True, True, False]


def test_one_caller_does_not_spend_what_another_has():
    limiter = Limiter(Rate(1, 1), Clock())
    assert limiter.allows("a")
    assert limiter.allows("b")
    assert not limiter.allows("a")


def test_callers_without_end_take_memory_with_one():
    limiter = Limiter(Rate(1, 1), Clock())
    for number in range(3 * MANY_CALLERS):
        limiter.allows(str(number))
    assert len(limiter) == MANY_CALLERS


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
    ],
)
def test_a_host_with_many_ipv6_addresses_has_one_share(one, other, same):
    assert (neighbourhood(one) == neighbourhood(other)) is same
