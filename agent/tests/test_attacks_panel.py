"""What a false agent says to the panel, and clocks that differ: A30, A31, A45, A46."""

import json
import time
from dataclasses import replace

import pytest
from wgpanel_agent.protocol import ProtocolError, derive_keys, sign_response

OK = b'{"status":"ok"}'


def refusal(edge, request, heard) -> str:
    with pytest.raises(ProtocolError) as caught:
        edge.verify(request, heard)
    return caught.value.reason


def forged(edge, heard, request, **parts):
    """An answer that is signed, but not by our agent or not for this request."""
    parts = {"keys": edge.keys, "binding": request.binding, "now": time.time()} | parts
    headers = sign_response(status=200, body=OK, **parts)
    fields = [(name.encode(), value.encode()) for name, value in headers.items()]
    return replace(heard, status=200, headers=fields, body=OK)


def test_the_panel_believes_an_answer_of_its_agent(edge):
    request = edge.sign()
    heard = edge.say("GET", "/v1/status", request.headers)
    assert abs(edge.verify(request, heard) - time.time()) < 5


def test_a30_the_answer_to_an_earlier_request(edge):
    earlier, now = edge.sign(), edge.sign()
    heard = edge.say("GET", "/v1/status", earlier.headers)
    assert refusal(edge, now, heard) == "wrong_key"


def test_a30_the_answer_to_another_path_of_the_same_moment(edge):
    asked, other = edge.sign("GET", "/v1/status"), edge.sign("GET", "/v1/wg")
    heard = edge.say("GET", "/v1/wg", other.headers)
    assert refusal(edge, asked, heard) == "wrong_key"


def test_a31_an_unsigned_200(edge):
    request = edge.sign()
    heard = edge.say("GET", "/v1/status", request.headers)
    bare = [(name, value) for name, value in heard.headers if b"signature" not in name]
    assert refusal(edge, request, replace(heard, headers=bare)) == "unsigned"
    half = [(name, value) for name, value in heard.headers if name != b"signature"]
    assert refusal(edge, request, replace(heard, headers=half)) == "unsigned"


@pytest.mark.parametrize(
    "stranger",
    [
        lambda ours: derive_keys(ours.node, 1, b"x" * 32),
        lambda ours: derive_keys("node-b", 1, b"x" * 32),
        lambda ours: replace(ours, response=ours.request),
        lambda ours: replace(ours, keyid="node-b.1"),
    ],
    ids=["another secret", "another node", "the key of requests", "another key id"],
)
def test_a31_a_200_with_a_wrong_key(edge, stranger):
    request = edge.sign()
    heard = edge.say("GET", "/v1/status", request.headers)
    fake = forged(edge, heard, request, keys=stranger(edge.keys))
    assert refusal(edge, request, fake) == "wrong_key"


def test_a31_the_requests_own_signature_thrown_back(edge):
    request = edge.sign()
    heard = edge.say("GET", "/v1/status", request.headers)
    mirrored = [(name.encode(), value.encode()) for name, value in request.headers.items()]
    assert refusal(edge, request, replace(heard, headers=mirrored)) == "malformed"


def test_a_panel_with_a_wrong_secret_learns_that_its_key_is_wrong(edge):
    stranger = derive_keys(edge.keys.node, 1, b"x" * 32)
    request = edge.sign(keys=stranger)
    heard = edge.say("GET", "/v1/status", request.headers)
    assert refusal(edge, request, heard) == "wrong_key"


@pytest.mark.parametrize("offset", [600, -600])
def test_a45_a_clock_ten_minutes_off_is_said_signed_and_the_retry_passes(edge, offset):
    edge.clock_offset = offset
    request = edge.sign()
    refused = edge.say("GET", "/v1/status", request.headers)
    assert (refused.status, json.loads(refused.body)["error"]) == (401, "clock_skew")
    skew = edge.verify(request, refused) - time.time()
    assert abs(skew - offset) < 3
    assert abs(json.loads(refused.body)["now"] - time.time() - offset) < 3
    again = edge.sign(now=time.time() + skew)
    assert edge.verify(again, edge.say("GET", "/v1/status", again.headers))
    assert len(edge.calls) == 1


def test_a45_a_clock_that_jumps_while_the_panel_knows_the_old_skew(edge):
    for offset in (0, 600, -600, 0):
        edge.clock_offset = offset
        request = edge.sign()
        refused = edge.say("GET", "/v1/status", request.headers)
        skew = edge.verify(request, refused) - time.time()
        assert edge.call(now=time.time() + skew).status == 200


def test_a45_a_clock_that_jumps_between_request_and_answer(edge):
    request = edge.sign()
    heard = edge.say("GET", "/v1/status", request.headers)
    late = forged(edge, heard, request, now=time.time() + 600)
    assert refusal(edge, request, late) == "clock_skew"


def test_a46_a_forged_unsigned_clock_skew(edge):
    request = edge.sign()
    heard = edge.say("GET", "/health", {"host": edge.host})
    body = json.dumps({"error": "clock_skew", "detail": "", "now": 1}).encode()
    fake = replace(heard, status=401, body=body)
    assert refusal(edge, request, fake) == "unsigned"


def test_a46_a_right_clock_skew_of_another_request(edge):
    edge.clock_offset = 600
    earlier, now = edge.sign(), edge.sign()
    refused = edge.say("GET", "/v1/status", earlier.headers)
    assert refusal(edge, now, refused) == "wrong_key"
