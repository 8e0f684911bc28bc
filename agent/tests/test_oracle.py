"""PyPI http-message-signatures as the oracle: each side verifies what the other signs."""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import http_message_signatures as oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wgpanel_agent.protocol import (
    ProtocolError,
    ReceivedRequest,
    SignedRequest,
    check_mac,
    derive_keys,
    parse_request,
    sign_request,
    sign_response,
    verify_response,
)
from wgpanel_agent.signing.base import CoveredSet, mac

KEYS = derive_keys("3f0c8a52-6f0e-4f0a-9f57-0a4d3b7f1c11", 3, b"kX2v7Qm4Zt9Lw1Rb6Ny3Hc8Jd5Gf0Ps")


@dataclass
class Request:
    method: str
    url: str
    headers: dict[str, str]


@dataclass
class Response:
    status_code: int
    headers: dict[str, str]
    request: Request


class OracleKeys(oracle.HTTPSignatureKeyResolver):
    def __init__(self, key: bytes) -> None:
        self.key = key

    def resolve_public_key(self, key_id: str) -> bytes:
        assert key_id == KEYS.keyid
        return self.key

    resolve_private_key = resolve_public_key


def oracle_verify(message, key: bytes, tag: str, body: bytes):
    verifier = oracle.HTTPMessageVerifier(
        signature_algorithm=oracle.algorithms.HMAC_SHA256, key_resolver=OracleKeys(key)
    )
    return verifier.verify(message, expect_tag=tag, body=body, max_age=timedelta(seconds=60))


def oracle_sign(message, key: bytes, **arguments) -> None:
    signer = oracle.HTTPMessageSigner(
        signature_algorithm=oracle.algorithms.HMAC_SHA256, key_resolver=OracleKeys(key)
    )
    signer.sign(message, key_id=KEYS.keyid, label="wgpanel", **arguments)


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def as_request(signed: SignedRequest) -> Request:
    binding = signed.binding
    query = f"?{binding.query}" if binding.query else ""
    url = f"http://{signed.headers['host']}{binding.path}{query}"
    return Request(binding.method, url, signed.headers)


def covered(headers: dict[str, str]) -> tuple[str, ...]:
    always = ("content-digest", "content-type", "wgpanel-node")
    conditions = tuple(name for name in ("if-match", "idempotency-key") if name in headers)
    return ("@method", "@authority", "@path", "@query", *always, *conditions)


def lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def received(signed: SignedRequest) -> ReceivedRequest:
    binding = signed.binding
    return parse_request(
        method=binding.method,
        path=binding.path,
        query=binding.query,
        headers=raw(signed.headers),
    )


PATH_LETTERS = "abcdefghijklmnopqrstuvwxyzABCXYZ0189-_.~!$&'()*+,;=:@"
field_values = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1)
parts_of_requests = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["GET", "PUT", "POST", "DELETE"]),
        "authority": st.sampled_from(["node:8080", "10.0.0.1:8443", "[2001:db8::1]:8080", "A.org"]),
        "path": st.lists(st.text(PATH_LETTERS, min_size=1), max_size=4).map(
            lambda segments: "/" + "/".join(segments)
        ),
        "query": st.text("abc=&+.?/", max_size=20),
        "body": st.binary(max_size=200),
        "if_match": st.none() | field_values,
        "idempotency_key": st.none() | field_values,
    }
)


@given(parts_of_requests)
def test_the_oracle_verifies_the_requests_that_we_sign(parts):
    signed = sign_request(KEYS, now=now().timestamp(), **parts)
    (result,) = oracle_verify(as_request(signed), KEYS.request, "wgpanel-request-v1", parts["body"])
    assert result.nonce == received(signed).nonce
    assert result.body == parts["body"]
    assert tuple(result.covered_components) == (
        *(f'"{name}"' for name in covered(signed.headers)),
        '"@signature-params"',
    )


@given(parts_of_requests, st.integers(0, 2**128 - 1))
def test_we_verify_the_requests_that_the_oracle_signs(parts, number):
    ours = sign_request(KEYS, now=now().timestamp(), **parts)
    nonce = base64.urlsafe_b64encode(number.to_bytes(16)).decode().rstrip("=")
    message = as_request(ours)
    del message.headers["content-digest"]  # the oracle makes its own
    oracle_sign(
        message,
        KEYS.request,
        body=parts["body"],
        created=now(),
        expires=now() + timedelta(seconds=60),
        nonce=nonce,
        tag="wgpanel-request-v1",
        covered_component_ids=covered(ours.headers),
    )
    theirs = received(ours._replace(headers=lower(message.headers)))
    check_mac(KEYS, theirs)
    assert theirs.nonce == nonce


@given(parts_of_requests, st.integers(200, 599), st.binary(), st.none() | field_values)
def test_the_oracle_verifies_the_answers_that_we_sign(parts, status, body, etag):
    request = sign_request(KEYS, now=now().timestamp(), **parts)
    headers = sign_response(
        KEYS, request.binding, status=status, body=body, now=now().timestamp(), etag=etag
    )
    message = Response(status, headers, as_request(request))
    (result,) = oracle_verify(message, KEYS.response, "wgpanel-response-v1", body)
    assert result.covered_components['"@status"'] == str(status)
    assert result.covered_components['"signature";req'] == request.binding.signature


@given(parts_of_requests, st.integers(200, 599), st.binary(), st.none() | field_values)
def test_we_verify_the_answers_that_the_oracle_signs(parts, status, body, etag):
    request = sign_request(KEYS, now=now().timestamp(), **parts)
    headers = {"content-type": "application/json"} | ({"etag": etag} if etag else {})
    message = Response(status, headers, as_request(request))
    oracle_sign(
        message,
        KEYS.response,
        body=body,
        created=now(),
        tag="wgpanel-response-v1",
        covered_component_ids=(
            *("@status", "content-digest", "content-type"),
            *(("etag",) if etag else ()),
            *(f'"{name}";req' for name in ("@method", "@path", "@query")),
            *(f'"{name}";req' for name in ("content-digest", "signature")),
        ),
    )
    verified = verify_response(
        KEYS, request.binding, status=status, headers=raw(message.headers), body=body
    )
    assert verified.etag == etag


@given(parts_of_requests, st.sampled_from(["method", "path", "query", "content_digest"]))
def test_neither_of_us_verifies_a_request_with_a_part_changed(parts, name):
    signed = sign_request(KEYS, now=now().timestamp(), **parts)
    changed = signed._replace(binding=signed.binding._replace(**{name: OTHER[name]}))
    changed.headers["content-digest"] = changed.binding.content_digest
    with pytest.raises(ProtocolError):
        check_mac(KEYS, received(changed))
    with pytest.raises(oracle.InvalidSignature):
        oracle_verify(as_request(changed), KEYS.request, "wgpanel-request-v1", parts["body"])


OTHER = {
    "method": "PATCH",
    "path": "/another",
    "query": "another",
    "content_digest": f"sha-256=:{'A' * 43}=:",
}


def test_our_mac_gives_the_signature_of_rfc_9421_section_b_2_5():
    secret = (
        "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ=="
    )
    covered = CoveredSet('"date"', '"@authority"', '"content-type"')
    values = ("Tue, 20 Apr 2021 02:07:55 GMT", "example.com", "application/json")
    params = f'{covered.field};created=1618884473;keyid="test-shared-secret"'
    signature = mac(base64.b64decode(secret), covered.base(values, params))
    expected = "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8="
    assert base64.b64encode(signature).decode() == expected
