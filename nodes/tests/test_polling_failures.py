"""What a failed poll says, and what it leaves as it was."""

import pytest

from nodes.models import JoinToken, Node, PollCount, Status
from nodes.polls import cadence
from nodes.tests import agents
from nodes.tests.builders import make_node, make_online_node
from nodes.tests.joining import make_token
from nodes.tests.polls import ago, poll

pytestmark = pytest.mark.django_db
SECRET = "a secret of more than 32 bytes, of course"


@pytest.fixture
def _short_polls(monkeypatch):
    monkeypatch.setattr(cadence, "POLL_SECONDS", 0.5)


@pytest.mark.parametrize(
    ("behave", "code", "words"),
    [
        (agents.answering("200 OK", b"<html>"), "unsigned", "Unsigned answer"),
        (agents.answering("500 Oops"), "http_500", "HTTP 500"),
        (agents.answering("302 F", location="http://169.254.169.254/"), "http_302", "redirect"),
        (agents.answering("401 No", b'{"error": "clock_skew"}'), "http_401", "Unsigned answer"),
        (agents.flooding, "bad_answer", "larger than 1024 KiB"),
        (agents.hanging_up, "bad_answer", "without a usable HTTP answer"),
        (agents.speaking_ssh, "bad_answer", "without a usable HTTP answer"),
        (agents.silent, "timeout", "No answer within"),
        (agents.trickling, "timeout", "No answer within"),
        (agents.trickling_body, "timeout", "No answer within"),
    ],
)
@pytest.mark.usefixtures("_short_polls")
def test_each_failure_says_why(impostor, behave, code, words):
    node = make_node(agent_url=impostor(behave).url)
    done = poll(node)
    assert done.failures == {code: 1}
    assert words in node.status_reason


def test_nobody_at_the_port_says_refused():
    node = make_node(agent_url=agents.closed_port())
    assert poll(node).failures == {"refused": 1}
    assert node.status_reason.startswith("Connection refused")


def test_a_wrong_secret_is_never_online(live_agent):
    node = live_agent().node(secret="another secret of more than 32 bytes, indeed")
    for _ in range(3):
        assert poll(node).failures == {"wrong_key": 1}
    assert (node.status, node.reported_at) == (Status.OFFLINE, None)
    assert node.status_reason == "Wrong key: the agent refused the signature."


def test_an_answer_signed_with_another_key_changes_nothing_that_was_known(impostor):
    node = make_online_node()
    Node.objects.update(agent_url=impostor(agents.signing_as(str(node.pk), "x" * 40)).url)
    before = node.health_json, node.reported_at, node.status, node.status_since
    assert poll(node).failures == {"identity_mismatch": 1}
    assert (node.health_json, node.reported_at, node.status, node.status_since) == before


def test_somebody_else_at_the_address_becomes_an_identity_mismatch(impostor):
    node = make_node()
    Node.objects.update(agent_url=impostor(agents.signing_as(str(node.pk), "x" * 40)).url)
    poll(node)
    poll(node)
    assert node.status == Status.IDENTITY_MISMATCH


def test_a_recorded_answer_works_once(impostor):
    node = make_node(secret=SECRET)
    Node.objects.update(agent_url=impostor(agents.replaying(str(node.pk), SECRET)).url)
    assert poll(node).reported == 1
    seen = node.reported_at
    assert poll(node).failures == {"identity_mismatch": 1}
    assert node.reported_at == seen


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"status": NaN}', b"[" * 2000])
def test_a_signed_report_that_cannot_be_used_is_a_failure(impostor, body):
    node = make_node(secret=SECRET)
    Node.objects.update(agent_url=impostor(agents.signing_as(str(node.pk), SECRET, body)).url)
    assert poll(node).failures == {"bad_answer": 1}
    assert (node.health_json, node.reported_at) == (None, None)


def test_a_failure_keeps_the_last_report(live_agent):
    node = make_online_node(agent_url=agents.closed_port())
    before = node.health_json, node.reported_at, node.cpu_percent, node.active_peers
    poll(node)
    assert (node.health_json, node.reported_at, node.cpu_percent, node.active_peers) == before
    assert node.last_attempt_at > node.reported_at


@pytest.mark.parametrize(("failures", "wait"), [(0, 5), (1, 10)])
def test_a_failure_is_followed_by_a_retry_soon(failures, wait):
    node = make_node(agent_url=agents.closed_port(), failures=failures)
    poll(node)
    waits = node.next_poll_at - node.last_attempt_at
    assert (node.failures, round(waits.total_seconds())) == (failures + 1, wait)


def test_failing_since_is_the_first_failure():
    node = make_node(agent_url=agents.closed_port())
    poll(node)
    first = node.failing_since
    poll(node)
    assert node.failing_since == first


def test_a_node_without_a_secret_fails_without_being_called(impostor):
    stranger = impostor(agents.silent)
    node = make_node(agent_url=stranger.url, secret=None)
    assert poll(node).failures == {"no_secret": 1}
    assert (stranger.connections, node.status_reason) == (0, "No secret is stored for this node.")


@pytest.mark.parametrize(("joined_seconds", "counted"), [(5, 0), (300, 1)])
def test_an_agent_that_is_still_starting_is_no_failure_of_the_fleet(joined_seconds, counted):
    node = make_node(agent_url="http://127.0.0.1:9")
    row, _ = make_token(node=node)
    JoinToken.objects.filter(pk=row.pk).update(used_at=ago(joined_seconds))
    assert poll(node).failures == {"refused": 1}
    assert PollCount.objects.get().failed == counted
