"""Asking one node, without the network."""

import json

import pytest
from django.utils import timezone
from wgpanel_agent.protocol import Binding, derive_keys, sign_response

from nodes.calling.exchange import AgentError, Received
from nodes.calling.targets import Seen
from nodes.models import Node
from nodes.polls.inquiry import Inquiry, Outcome
from nodes.polls.reports import Told
from nodes.tests.builders import make_node, make_report

pytestmark = pytest.mark.django_db
SECRET = "a secret of more than 32 bytes, of course"


def begin(**fields) -> Inquiry:
    node = make_node(**{"secret": SECRET, **fields})
    row = Node.objects.filter(pk=node.pk).values_list(*Seen._fields).get()
    return Inquiry.begin(Seen._make(row))


def answer(inquiry: Inquiry, body: bytes, status: int = 200, clock_offset: float = 0) -> None:
    """Let the node's agent answer the inquiry's last request."""
    now = timezone.now().timestamp()
    keys = derive_keys(str(inquiry.node.id), 1, SECRET.encode())
    digest, signature = inquiry.headers["content-digest"], inquiry.headers["signature"]
    binding = Binding("GET", "/v1/status", "", digest, signature, int(now))
    fields = sign_response(keys, binding, status=status, body=body, now=now + clock_offset)
    headers = tuple((name.encode(), value.encode()) for name, value in fields.items())
    inquiry.result = Received(status, headers, body, now, now)


def conclude(inquiry: Inquiry) -> Outcome | None:
    reply = inquiry.reply()
    return None if reply is None else inquiry.outcome(reply)


def test_a_report_is_an_outcome():
    inquiry = begin()
    answer(inquiry, json.dumps(make_report()).encode())
    outcome = conclude(inquiry)
    assert isinstance(outcome, Outcome)
    assert isinstance(outcome.result, Told)


def test_a_failure_on_the_way_is_an_outcome():
    inquiry = begin()
    inquiry.result = AgentError("refused", "Nobody is there.")
    assert conclude(inquiry).result is inquiry.result


def test_an_errand_that_nobody_ran_is_a_failure():
    assert conclude(begin()).result.code == "not_run"


def test_a_clock_skew_is_no_outcome_but_another_request():
    inquiry = begin()
    first = dict(inquiry.headers)
    answer(inquiry, b'{"error": "clock_skew"}', status=401, clock_offset=600)
    assert conclude(inquiry) is None
    assert inquiry.headers["signature"] != first["signature"]


def test_the_second_answer_ends_it_with_the_skew():
    inquiry = begin()
    answer(inquiry, b'{"error": "clock_skew"}', status=401, clock_offset=600)
    conclude(inquiry)
    answer(inquiry, json.dumps(make_report()).encode(), clock_offset=600)
    assert conclude(inquiry).skew_ms == pytest.approx(600_000, abs=1000)


def test_an_unusable_report_keeps_the_skew_that_was_proved():
    inquiry = begin(clock_skew_ms=600_000)
    answer(inquiry, b"{}", clock_offset=600)
    outcome = conclude(inquiry)
    assert (outcome.result.code, outcome.skew_ms) == (
        "bad_answer",
        pytest.approx(600_000, abs=1000),
    )


def test_a_node_that_cannot_be_asked_has_no_inquiry():
    with pytest.raises(AgentError, match="No secret"):
        begin(secret=None)
