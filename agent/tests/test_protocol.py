"""Signing and verifying, without a network."""

import pytest
from wgpanel_agent.protocol import (
    Keys,
    ProtocolError,
    ReceivedRequest,
    SignedRequest,
    check_digest,
    check_mac,
    check_node,
    check_time,
    derive_keys,
    parse_request,
    sign_request,
    sign_response,
    verify_response,
    weakness,
)

NOW = 1_767_225_600
SECRET = b"kX2v7Qm4Zt9Lw1Rb6Ny3Hc8Jd5Gf0Ps-unit"
KEYS = derive_keys("node-a", 1, SECRET)
PUT = {"method": "PUT", "path": "/v1/wg/wg0/syncconf", "query": "dry=1", "body": b'{"a":1}'}


def make_request(keys: Keys = KEYS, **parts) -> SignedRequest:
    return sign_request(keys, **{"authority": "node:8080", "now": NOW} | PUT | parts)


def raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


def receive(request: SignedRequest, **changes: str) -> ReceivedRequest:
    binding = request.binding
    return parse_request(
        method=binding.method,
        path=binding.path,
        query=binding.query,
        headers=raw(request.headers | changes),
    )


def answer(request: SignedRequest, keys: Keys = KEYS, **parts) -> dict:
    parts = {"status": 200, "body": b"{}", "now": NOW} | parts
    headers = sign_response(keys, request.binding, **parts)
    return {"status": parts["status"], "headers": raw(headers), "body": parts["body"]}


def refused(call, *args, **kwargs) -> str:
    with pytest.raises(ProtocolError) as caught:
        call(*args, **kwargs)
    return caught.value.reason


def test_what_the_panel_signs_passes_every_check_of_the_agent():
    received = receive(make_request(if_match='"7"', idempotency_key="k-1"))
    check_mac(KEYS, received)
    check_time(received.binding.created, NOW)
    check_node(KEYS, received)
    check_digest(received.binding.content_digest, PUT["body"])
    assert (received.keyid, received.if_match) == ("node-a.1", '"7"')
    assert received.idempotency_key == "k-1"


def test_two_requests_never_share_a_nonce():
    assert receive(make_request()).nonce != receive(make_request()).nonce


def test_each_direction_each_node_and_each_number_has_its_own_key():
    others = [KEYS, derive_keys("node-b", 1, SECRET), derive_keys("node-a", 2, SECRET)]
    material = {key for keys in others for key in (keys.request, keys.response)}
    assert len(material) == 6


def test_the_keys_of_a_secret_never_change():
    assert derive_keys("node-a", 1, b"0" * 32).request.hex() == GOLDEN_REQUEST_KEY


# By `cryptography`: HKDF of salt "wgpanel-signing-v1", info "wgpanel panel->agent node-a.1".
GOLDEN_REQUEST_KEY = "64e61cc1b73cb3aeac127b4d1e9356816b9d87001734af694811ca70fe230f30"


def test_keys_do_not_show_themselves():
    assert KEYS.request.hex() not in repr(KEYS)
    assert repr(KEYS) == "Keys('node-a.1')"


@pytest.mark.parametrize(("node", "seq"), [("", 1), ("a.b", 1), ("ä", 1), ("n" * 65, 1), ("a", -1)])
def test_an_id_that_a_key_id_cannot_carry_is_refused(node, seq):
    with pytest.raises(ValueError, match="not a key id"):
        derive_keys(node, seq, SECRET)


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        (b"", "shorter"),
        (bytes(31), "shorter"),
        (b"change-me-in-production", "shorter"),
        (b"secret", "shorter"),
        (b"8r4nd0m!", "shorter"),
        (bytes(32), "repeated"),
        (b"change-me-in-production-0123-abcdef", "well-known"),
        (b"My_Shared-Secret_for_the_whole_fleet", "well-known"),
        (b"correcthorsebatt" * 2, "repeated"),
        (b"abcabcaabbccabcabcbacabcabcabcabcabbac", "different"),
        (b"kX2v7Qm4Zt9Lw1Rb6Ny3Hc8Jd5Gf0Ps-unit\n", "white space"),
    ],
)
def test_a_weak_secret_is_named_as_what_it_is(secret, words):
    assert words in weakness(secret)


def test_a_public_key_is_no_secret():
    public_key = b"J25dJebdR+na7Q72fDo/PyVmsx9a2c3bRpZrrpvu2TM="
    assert weakness(public_key) is None
    assert weakness(public_key, {public_key}) == "is a public key"


@pytest.mark.parametrize(
    "secret", [SECRET, b"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", bytes(range(32))]
)
def test_a_random_secret_is_accepted(secret):
    assert weakness(secret) is None


@pytest.mark.parametrize("field", ["signature", "signature-input"])
def test_a_request_without_a_signature_is_told_from_a_bad_one(field):
    request = make_request()
    headers = {name: value for name, value in request.headers.items() if name != field}
    assert refused(receive, request._replace(headers=headers)) == "no_signature"


@pytest.mark.parametrize("field", ["host", "content-digest", "content-type", "wgpanel-node"])
def test_a_covered_field_that_is_missing_makes_the_request_malformed(field):
    request = make_request()
    headers = {name: value for name, value in request.headers.items() if name != field}
    assert refused(receive, request._replace(headers=headers)) == "malformed"


@pytest.mark.parametrize("field", ["if-match", "idempotency-key"])
def test_a_condition_may_be_neither_added_nor_taken_away(field):
    argument = field.replace("-", "_")
    with_it, without = make_request(**{argument: "x"}), make_request()
    headers = {name: value for name, value in with_it.headers.items() if name != field}
    assert refused(receive, without, **{field: "x"}) == "malformed"
    assert refused(receive, with_it._replace(headers=headers)) == "malformed"


@pytest.mark.parametrize("value", ["/v1/\nx", "/v1/ä", "/v1/\x7f", "/v1/\r"])
def test_text_that_could_forge_a_line_of_the_base_cannot_be_signed(value):
    assert refused(make_request, path=value) == "malformed"


def test_a_field_sent_twice_is_malformed():
    headers = raw(make_request().headers)
    double = [*headers, (b"Content-Digest", b"sha-256=:x:")]
    parts = {"method": "PUT", "path": PUT["path"], "query": PUT["query"]}
    assert refused(parse_request, headers=double, **parts) == "malformed"


@pytest.mark.parametrize("age", [-31, 61, 3600])
def test_a_time_outside_the_window_is_clock_skew(age):
    assert refused(check_time, NOW - age, NOW) == "clock_skew"


@pytest.mark.parametrize("age", [-30, 0, 60])
def test_the_edges_of_the_window_are_inside(age):
    assert check_time(NOW - age, NOW + 0.9) is None


def test_a_request_of_another_node_with_our_key_is_told_apart():
    received = receive(make_request(node="node-b"))
    check_mac(KEYS, received)
    assert refused(check_node, KEYS, received) == "wrong_node"


def test_another_body_than_the_signed_one_is_found():
    received = receive(make_request())
    assert refused(check_digest, received.binding.content_digest, b'{"a":2}') == "bad_digest"


def test_an_answer_is_believed_and_tells_the_agents_time():
    request = make_request()
    verified = verify_response(KEYS, request.binding, **answer(request, now=NOW + 3, etag='"8"'))
    assert (verified.created, verified.etag) == (NOW + 3, '"8"')


def test_header_names_of_an_answer_may_be_in_any_case():
    request = make_request()
    parts = answer(request)
    parts["headers"] = [(name.title(), value) for name, value in parts["headers"]]
    assert verify_response(KEYS, request.binding, **parts).created == NOW


@pytest.mark.parametrize(
    "change",
    [
        {"status": 500},
        {"body": b'{"x":1}'},
        {"headers": "etag"},
        {"headers": "content-type"},
        {"headers": "signature"},
    ],
)
def test_any_changed_part_of_an_answer_makes_it_worthless(change):
    request = make_request()
    parts = answer(request, etag='"8"')
    if "headers" in change:
        name = change["headers"].encode()
        parts["headers"] = [
            (key, b'"9"' if key == name else value) for key, value in parts["headers"]
        ]
    else:
        parts |= change
    assert refused(verify_response, KEYS, request.binding, **parts) in {
        "wrong_key",
        "bad_digest",
        "malformed",
    }


@pytest.mark.parametrize("field", ["etag", "content-type", "content-digest"])
def test_no_field_of_an_answer_can_be_taken_away(field):
    request = make_request()
    parts = answer(request, etag='"8"')
    parts["headers"] = [pair for pair in parts["headers"] if pair[0] != field.encode()]
    assert refused(verify_response, KEYS, request.binding, **parts) == "malformed"


def test_an_etag_cannot_be_added_to_an_answer():
    request = make_request()
    parts = answer(request)
    parts["headers"].append((b"etag", b'"8"'))
    assert refused(verify_response, KEYS, request.binding, **parts) == "malformed"


@pytest.mark.parametrize(
    "change", [{"method": "GET"}, {"path": "/v1/x"}, {"query": "dry=2"}, {"content_digest": "x"}]
)
def test_an_answer_holds_for_its_own_request_only(change):
    request = make_request()
    other = request.binding._replace(**change)
    assert refused(verify_response, KEYS, other, **answer(request)) == "wrong_key"


def test_an_answer_whose_clock_jumped_is_refused_and_a_401_is_not():
    request = make_request()
    late = answer(request, now=NOW + 600)
    assert refused(verify_response, KEYS, request.binding, **late) == "clock_skew"
    refusal = answer(request, status=401, now=NOW + 600)
    assert verify_response(KEYS, request.binding, **refusal).created == NOW + 600


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (401, b'{"error":"unauthorized","detail":"x"}', "wrong_key"),
        (401, b'{"error":"clock_skew","now":1}', "unsigned"),
        (401, b"[" * 100_000, "unsigned"),
        (401, b'["unauthorized"]', "unsigned"),
        (200, b'{"error":"unauthorized"}', "unsigned"),
        (502, b"<html>", "unsigned"),
    ],
)
def test_an_unsigned_answer_says_at_most_that_our_key_is_wrong(status, body, reason):
    binding = make_request().binding
    assert refused(verify_response, KEYS, binding, status=status, headers=[], body=body) == reason
