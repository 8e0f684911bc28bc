"""One signed call, over a real socket: to the agent's real edge, and to those who are none."""

import pytest
from django.test import override_settings

from nodes.calling import client, targets
from nodes.calling.client import AgentError, SignedAnswer
from nodes.models import Node, Status
from nodes.tests import agents
from nodes.tests.builders import make_node

pytestmark = pytest.mark.django_db


def refusal(node: Node) -> AgentError:
    with pytest.raises(AgentError) as caught:
        client.test_connection(node)
    return caught.value


def test_a_connection_to_the_nodes_own_agent_shows_its_report(live_agent):
    answer = client.test_connection(live_agent().node())
    assert isinstance(answer, SignedAnswer)
    assert (answer.version, answer.clock_skew_ms, answer.report.active_peers) == ("1.0.0", 0, 3)
    assert 0 < answer.latency_ms < 10_000


def test_a_stored_row_reaches_its_agent(live_agent):
    node = live_agent().node()
    assert client.test_connection(Node.objects.get(pk=node.pk)).version == "1.0.0"


def test_a_wrong_secret_says_wrong_key(live_agent):
    error = refusal(live_agent().node(secret="another secret of more than 32 bytes, indeed"))
    assert (error.code, error.sentence) == (
        "wrong_key",
        "Wrong key: the agent refused the signature.",
    )


def test_a_test_of_the_connection_says_nothing_of_the_status(live_agent):
    node = live_agent().node()
    client.test_connection(node)
    node.refresh_from_db()
    assert (node.status, node.reported_at, node.last_attempt_at) == (Status.UNKNOWN, None, None)


@pytest.mark.parametrize("offset", [600, -600])
def test_a_clock_that_is_ten_minutes_off_is_told_and_remembered(live_agent, offset):
    node = live_agent(clock_offset=offset).node()
    answer = client.test_connection(node)
    node.refresh_from_db()
    assert answer.clock_skew_ms == pytest.approx(offset * 1000, abs=1500)
    assert node.clock_skew_ms == answer.clock_skew_ms


@pytest.mark.parametrize(
    ("behave", "code"),
    [
        (agents.answering("200 OK", b"{}"), "unsigned"),
        (agents.answering("200 OK", b"<html>"), "unsigned"),
        (agents.answering("500 Oops"), "http_500"),
        (agents.answering("302 Found", location="http://169.254.169.254/"), "http_302"),
        (agents.answering("307 Moved", location="http://127.0.0.1:1/"), "http_307"),
        (agents.answering("401 No", b'{"error": "clock_skew"}'), "http_401"),
        (agents.answering("200 OK", b"{}", content_encoding="gzip"), "unsigned"),
        (agents.flooding, "bad_answer"),
        (agents.hanging_up, "bad_answer"),
        (agents.speaking_ssh, "bad_answer"),
    ],
)
def test_who_is_no_agent_is_named_for_what_it_is(impostor, behave, code):
    assert refusal(make_node(agent_url=impostor(behave).url)).code == code


@pytest.mark.parametrize("behave", [agents.silent, agents.trickling, agents.trickling_body])
def test_who_is_too_slow_is_not_waited_for(impostor, behave, monkeypatch):
    monkeypatch.setattr(client, "READ_SECONDS", 0.5)
    error = refusal(make_node(agent_url=impostor(behave).url))
    assert (error.code, error.sentence) == ("timeout", "No answer within 0 s.")


def test_who_signs_with_another_key_is_somebody_else(impostor):
    node = make_node()
    Node.objects.update(agent_url=impostor(agents.signing_as(str(node.pk), "x" * 40)).url)
    assert refusal(Node.objects.get()).code == "identity_mismatch"


def test_a_recorded_answer_is_not_believed_a_second_time(impostor):
    secret = "a secret of more than 32 bytes, of course"
    node = make_node(secret=secret)
    Node.objects.update(agent_url=impostor(agents.replaying(str(node.pk), secret)).url)
    node = Node.objects.get()
    assert client.test_connection(node).version == "1.0.0"
    assert refusal(node).code == "identity_mismatch"


def test_nobody_at_the_port_is_refused():
    url = agents.closed_port()
    error = refusal(make_node(agent_url=url))
    assert error.code == "refused"
    assert url.removeprefix("http://") in error.sentence


def test_a_node_without_a_secret_is_not_called(impostor):
    stranger = impostor(agents.silent)
    error = refusal(make_node(agent_url=stranger.url, secret=None))
    assert (error.code, stranger.connections) == ("no_secret", 0)


def test_a_secret_whose_key_is_gone_says_so():
    node = make_node()
    with override_settings(WGPANEL_FIELD_KEYS=("A" * 43 + "=",)):
        assert refusal(Node.objects.get(pk=node.pk)).code == "locked"


def test_a_url_that_may_not_be_called_any_more_is_not_called():
    error = refusal(make_node(agent_url="http://169.254.169.254:80"))
    assert (error.code, "169.254" not in error.sentence) == ("address_refused", True)


def test_no_proxy_of_the_environment_is_used(live_agent, impostor, monkeypatch):
    proxy = impostor(agents.silent)
    monkeypatch.setenv("http_proxy", proxy.url)
    client.test_connection(live_agent().node())
    assert proxy.connections == 0


def test_a_caller_may_wait_longer_or_shorter(impostor):
    with pytest.raises(AgentError) as caught:
        client.call(make_node(agent_url=impostor(agents.silent).url), "/", read_seconds=0.5)
    assert caught.value.code == "timeout"


def test_a_caller_may_take_more_or_less(live_agent):
    with pytest.raises(AgentError) as caught:
        client.call(live_agent().node(), targets.STATUS_PATH, most_bytes=100)
    assert caught.value.code == "bad_answer"
