"""The rules of one signed call, without a network."""

import json

import pytest
from wgpanel_agent.protocol import derive_keys, sign_response

from nodes.calling.exchange import AgentError, Answer, Call, Received, converse

NOW = 1_767_225_600.0
KEYS = derive_keys(
    "5ae15bcd-7a9b-4f7c-9f0a-0d0a0f1f2a3b", 1, b"a secret of more than 32 bytes, of course"
)
OTHER = derive_keys(KEYS.node, 1, b"another secret of more than 32 bytes, as well")
CALL = Call("198.51.100.7:8080", KEYS, "/v1/status")
UNAUTHORIZED = json.dumps({"error": "unauthorized", "detail": "no"}).encode()
SKEWED = json.dumps({"error": "clock_skew", "detail": "no"}).encode()


def talk(*agents, skew_ms=None, at=NOW) -> Answer:
    """Run the conversation with agents that answer in turn; each is given the request."""
    conversation = converse(CALL, skew_ms, clock=lambda: at)
    request = next(conversation)
    try:
        for agent in agents:
            request = conversation.send(agent(request))
    except StopIteration as end:
        return end.value
    raise AssertionError("the panel asked once more")


def answers(body=b"{}", status=200, keys=KEYS, clock=NOW + 0.5, **changes):
    """Return an agent that signs its answer at `clock` of its own time."""

    def agent(request) -> Received:
        fields = sign_response(keys, request.binding, status=status, body=body, now=clock)
        headers = {name.encode(): value.encode() for name, value in {**fields, **changes}.items()}
        return Received(status, tuple(headers.items()), body, NOW, NOW + 0.1)

    return agent


def says(status, body=b""):
    """Return somebody who does not sign."""
    return lambda request: Received(status, (), body, NOW, NOW + 0.1)


def refusal(*agents, **options) -> AgentError:
    with pytest.raises(AgentError) as caught:
        talk(*agents, **options)
    return caught.value


def test_a_signed_answer_is_believed():
    assert talk(answers(b'{"a": 1}')).body == b'{"a": 1}'


def test_the_request_covers_the_call():
    request = next(converse(CALL, clock=lambda: NOW))
    assert request.headers["host"] == CALL.authority
    assert request.headers["wgpanel-node"] == KEYS.node
    assert f"created={NOW:.0f}" in request.headers["signature-input"]


def test_an_unsigned_200_is_not_believed():
    assert refusal(says(200, b"{}")).code == "unsigned"


def test_an_agent_that_refuses_our_key_says_wrong_key():
    error = refusal(says(401, UNAUTHORIZED))
    assert (error.code, "Wrong key" in error.sentence) == ("wrong_key", True)


def test_who_signs_with_another_key_is_somebody_else():
    assert refusal(answers(keys=OTHER)).code == "identity_mismatch"


def test_an_answer_to_an_earlier_request_is_not_believed():
    earlier = next(converse(CALL, clock=lambda: NOW))
    recorded = answers()(earlier)
    assert refusal(lambda request: recorded).code == "identity_mismatch"


def test_an_answer_whose_body_was_changed_is_not_believed():
    def meddling(request):
        true = answers(b'{"a": 1}')(request)
        return Received(200, true.headers, b'{"a": 2}', NOW, NOW)

    assert refusal(meddling).code == "bad_answer"


def test_a_field_that_came_twice_is_not_believed():
    def doubled(request):
        true = answers()(request)
        return Received(200, (*true.headers, true.headers[0]), b"{}", NOW, NOW)

    assert refusal(doubled).code == "bad_answer"


def test_a_redirect_is_not_followed():
    error = refusal(says(307))
    assert (error.code, "redirect" in error.sentence) == ("http_307", True)


def test_an_unsigned_500_keeps_its_number():
    assert refusal(says(500, b"<html>")).code == "http_500"


def test_a_signed_refusal_is_told_in_the_agents_words():
    body = json.dumps(
        {"error": "wrong_node", "detail": "The request is for another node."}
    ).encode()
    error = refusal(answers(body, status=403))
    assert error.code == "http_403"
    assert error.sentence == "HTTP 403 from the agent: wrong_node: The request is for another node."


def test_a_signed_refusal_carries_what_the_agent_said_for_machines():
    body = json.dumps({"error": "stale", "detail": "no", "generation": 7}).encode()
    assert refusal(answers(body, status=409)).envelope["generation"] == 7


def test_an_unsigned_refusal_carries_nothing():
    body = json.dumps({"error": "stale", "generation": 7}).encode()
    assert refusal(says(409, body)).envelope == {}


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"[" * 100_000])
def test_a_signed_refusal_without_sense_is_still_one(body):
    assert refusal(answers(body, status=500)).sentence == "HTTP 500 from the agent"


def test_a_signed_clock_skew_is_answered_with_the_agents_time():
    clock = NOW + 600.5
    answer = talk(answers(SKEWED, status=401, clock=clock), answers(b"{}", clock=clock))
    assert answer.skew_ms == pytest.approx(600_000, abs=1000)


def test_the_second_signature_is_made_in_the_agents_time():
    conversation = converse(CALL, clock=lambda: NOW)
    first = next(conversation)
    second = conversation.send(answers(SKEWED, status=401, clock=NOW - 600)(first))
    assert second.binding.created == pytest.approx(NOW - 600, abs=1)


def test_a_known_skew_is_used_from_the_start():
    request = next(converse(CALL, 600_000, clock=lambda: NOW))
    assert request.binding.created == NOW + 600


def test_a_skew_that_is_gone_is_found_out():
    answer = talk(answers(SKEWED, status=401), answers(), skew_ms=600_000)
    assert answer.skew_ms == 0


def test_an_agent_that_is_never_content_is_asked_twice_only():
    never = answers(SKEWED, status=401, clock=NOW + 600)
    error = refusal(never, never)
    assert (error.code, error.skew_ms) == ("clock_skew", pytest.approx(600_000, abs=1000))
    assert error.sentence.startswith("Clock skew +600 s")


def test_a_forged_clock_skew_is_ignored():
    error = refusal(says(401, SKEWED))
    assert (error.code, error.skew_ms) == ("http_401", None)


def test_a_clock_skew_signed_by_somebody_else_is_ignored():
    assert refusal(answers(SKEWED, status=401, keys=OTHER)).skew_ms is None


@pytest.mark.parametrize("clock", [1, 10**14])
def test_a_clock_beyond_all_measure_is_told_and_harms_nothing(clock):
    never = answers(SKEWED, status=401, clock=clock)
    assert refusal(never, never).code == "clock_skew"


@pytest.mark.parametrize("clock", [NOW, NOW + 0.9])
def test_a_clock_within_the_same_second_is_right(clock):
    assert talk(answers(clock=clock)).skew_ms == 0
