"""Figures read well, and nothing that comes from outside is taken for HTML."""

import datetime as dt

import pytest

from nodes import presentation
from nodes.models import Node, Status

NOW = dt.datetime(2026, 5, 4, 10, 0, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (None, "–"), (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"),
        (5 * 2**30, "5.0 GiB"), (2**63 - 1, "8.0 EiB"), (2**80, "1048576.0 EiB"),
    ],
)  # fmt: skip
def test_bytes_are_shown_in_binary_units(octets, text):
    assert presentation.size(octets) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0 s"), (0, "0 s"), (0.4, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"),
     (3600, "1 h"), (86399, "23 h"), (86400, "1 d"), (900_000, "10 d")],
)  # fmt: skip
def test_a_span_is_rounded_down_to_its_largest_unit(seconds, text):
    assert presentation.span(seconds) == text
    assert presentation.span(dt.timedelta(seconds=seconds)) == text


def test_what_never_was_is_never_and_not_1970():
    assert presentation.ago(None, NOW) == presentation.moment(None) == "never"
    assert "1970" not in presentation.when(None, NOW)


def test_a_moment_says_how_long_ago_and_when_exactly():
    shown = presentation.when(NOW - dt.timedelta(seconds=12), NOW)
    assert ">12 s ago<" in shown
    assert 'title="2026-05-04 09:59:48 UTC"' in shown


def test_what_is_to_come_says_in_how_long_and_what_is_due_says_now():
    assert ">in 5 s<" in presentation.due(NOW + dt.timedelta(seconds=5), NOW)
    assert ">now<" in presentation.due(NOW - dt.timedelta(seconds=5), NOW)


@pytest.mark.parametrize("status", Status)
def test_every_status_has_a_word_and_a_colour(status):
    shown = presentation.pill(status.value, "why")
    assert status.label in shown
    assert f"wg-{status.tone}" in shown


def test_a_reason_cannot_leave_its_attribute():
    shown = presentation.pill("offline", '" onmouseover="alert(1)')
    assert 'onmouseover="' not in shown


@pytest.mark.parametrize(
    ("percent", "tone"), [(0, "success"), (69.9, "success"), (70, "warning"), (90, "danger")]
)
def test_a_meter_turns_yellow_and_red(percent, tone):
    assert f"wg-{tone}" in presentation.meter(percent, "CPU")


def test_what_was_not_measured_has_no_bar():
    assert "width" not in presentation.meter(None, "CPU")


def test_a_share_of_nothing_is_no_division_by_zero():
    assert "0 / 0" in presentation.share(0, 0)


def test_more_peers_than_places_fill_the_bar_and_no_more():
    assert "width:100%" in presentation.share(300, 250)


def test_a_key_is_shortened_and_copied_whole():
    key = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
    shown = presentation.short_key(key)
    assert f'data-copy="{key}"' in shown
    assert "<code>xTIBA5rb…</code>" in shown


def test_a_skew_has_a_sign():
    assert [presentation.skew(ms) for ms in (12_400, -300, 0, None)] == [
        "+12.4 s", "-0.3 s", "+0.0 s", "–",
    ]  # fmt: skip


def test_flags_say_maintenance_and_disabled():
    shown = presentation.flags(Node(maintenance=True, enabled=False))
    assert ("Maintenance" in shown, "Disabled" in shown) == (True, True)
    assert presentation.flags(Node()) == ""


@pytest.mark.parametrize(
    ("url", "pin", "tone", "text"),
    [
        ("https://a.example.org", "0123456789abcdef" * 4, "wg-success", "TLS, pinned 01234567…"),
        ("https://a.example.org", "", "wg-danger", "TLS, no pin"),
        ("http://127.0.0.1:80", "", "wg-danger", "plain HTTP"),
    ],
)
def test_the_transport_is_green_only_where_the_agent_is_known(url, pin, tone, text):
    shown = presentation.transport(Node(agent_url=url, tls_pin=pin))
    assert tone in shown
    assert text in shown
