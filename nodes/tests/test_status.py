"""What a report says about a node."""

import pytest
from wgpanel_agent.documents import StatusReport

from nodes import status
from nodes.models import Status
from nodes.tests.builders import make_interface, make_report


def judged(skew_ms: int = 0, **report) -> tuple[Status, str]:
    return status.of_report(StatusReport.parse(make_report(**report)), skew_ms)


def test_a_healthy_report_is_online_without_a_word():
    assert judged() == (Status.ONLINE, "")


@pytest.mark.parametrize(
    ("interface", "reason"),
    [
        ({"status": "down"}, "wg0 is down"),
        ({"status": "down", "public_key": None}, "wg0 is missing"),
        ({"status": "error"}, "wg0 cannot be read"),
        ({"drift": 3, "condition": "drifted"}, "wg0 has drifted (3 differences)"),
        ({"condition": "half_applied"}, "wg0 is half applied"),
    ],
)
def test_a_fault_of_an_interface_degrades_the_node_and_is_named(interface, reason):
    assert judged(interfaces={"wg0": make_interface(**interface)}) == (Status.DEGRADED, reason)


def test_every_faulty_interface_is_named():
    interfaces = {name: make_interface(status="down") for name in ("wg0", "wg1")}
    assert judged(interfaces=interfaces)[1] == "wg0 is down; wg1 is down"


def test_an_interface_that_the_agent_does_not_manage_is_none_of_our_business():
    interfaces = {"tun0": make_interface(status="down", managed=False)}
    assert judged(interfaces=interfaces)[0] == Status.ONLINE


def test_an_agent_that_feels_unwell_is_degraded():
    assert judged(status="unhealthy") == (Status.DEGRADED, "The agent says that it is unhealthy")


def test_a_node_whose_wg_hangs_is_busy_although_its_agent_answers():
    told = make_report()
    told["wireguard"]["snapshot_age_seconds"] = 75.2
    verdict, reason = status.of_report(StatusReport.parse(told), 0)
    assert (verdict, "last read 75 s ago" in reason) == (Status.DEGRADED, True)


@pytest.mark.parametrize(
    ("skew_ms", "reason"), [(5000, ""), (600_000, "Clock skew +600 s"), (-7000, "Clock skew -7 s")]
)
def test_a_clock_that_is_off_by_more_than_five_seconds_is_told_and_stays_online(skew_ms, reason):
    assert judged(skew_ms=skew_ms) == (Status.ONLINE, reason)


def test_a_long_reason_fits_its_column():
    interfaces = {f"wg{number}": make_interface(status="down") for number in range(100)}
    reason = judged(interfaces=interfaces)[1]
    assert (len(reason), reason[-1]) == (300, "…")
