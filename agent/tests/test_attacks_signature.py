"""Forged, bent and misused signatures against the real server: A01, A06 to A16, A21 to A29."""

import base64
import hashlib
import time

import pytest
from wgpanel_agent.api.routes import ROUTES
from wgpanel_agent.protocol import derive_keys, weakness
from wgpanel_agent.signing.keys import Keys

PATHS = {"{iface}": "wg0", "{peer}": "A" * 43}
PROTECTED = [route for route in ROUTES if not route.public]
COVER = '"@method" "@authority" "@path" "@query" "content-digest" "content-type" "wgpanel-node"'
SECRET = b"kX2v7Qm4Zt9Lw1Rb6Ny3Hc8Jd5Gf0Ps-agent-test"  # the one of the `edge` fixture
NONCE = "AAAAAAAAAAAAAAAAAAAAAA"


def concrete(template: str) -> str:
    for parameter, value in PATHS.items():
        template = template.replace(parameter, value)
    return template


def parameters(edge, **changes: str | None) -> str:
    """The parameters of a good signature, in order; None leaves one out."""
    now = int(time.time())
    good = {
        "created": str(now),
        "keyid": f'"{edge.keys.keyid}"',
        "alg": '"hmac-sha256"',
        "expires": str(now + 60),
        "nonce": f'"{NONCE}"',
        "tag": '"wgpanel-request-v1"',
    }
    return "".join(f";{name}={value}" for name, value in (good | changes).items() if value)


def resigned(edge, cover: str = COVER, method: str = "GET", **changes: str | None):
    """Say a request whose MAC is right, whatever its parameters are."""
    request = edge.sign(method)
    return edge.say(method, "/v1/status", edge.resign(request, cover, parameters(edge, **changes)))


def with_headers(edge, **headers: str):
    changes = {name.replace("_", "-"): value for name, value in headers.items()}
    return edge.say("GET", "/v1/status", edge.sign().headers | changes)


def is_unauthorized(edge, heard) -> bool:
    """The one answer to all that has no right MAC: it tells nothing and reaches nothing."""
    return (
        heard.status == 401
        and b'"unauthorized"' in heard.body
        and not heard.signed
        and not edge.calls
    )


def is_signed_refusal(edge, heard, status: int, code: str) -> bool:
    return (
        heard.status == status
        and f'"{code}"'.encode() in heard.body
        and heard.signed
        and not edge.calls
    )


def test_the_same_tools_make_a_request_that_is_accepted(edge):
    assert resigned(edge).status == 200
    assert [name for name, _ in edge.calls] == ["status"]


@pytest.mark.parametrize("route", PROTECTED, ids=lambda it: f"{it.method} {it.template}")
def test_a01_no_signature_on_a_protected_route(edge, route):
    heard = edge.say(route.method, concrete(route.template), {"host": edge.host})
    assert is_unauthorized(edge, heard)


@pytest.mark.parametrize("route", ROUTES, ids=lambda it: f"{it.method} {it.template}")
def test_a01_a_wrong_signature_on_any_route(edge, route):
    path = concrete(route.template)
    headers = edge.sign(route.method, path, keys=derive_keys(edge.keys.node, 1, b"x" * 32)).headers
    assert is_unauthorized(edge, edge.say(route.method, path, headers))


@pytest.mark.parametrize("age", [61, 3600])
def test_a06_created_too_long_ago(edge, age):
    heard = edge.call(now=time.time() - age - 0.5)
    assert is_signed_refusal(edge, heard, 401, "clock_skew")


def test_a07_created_in_the_future(edge):
    assert is_signed_refusal(edge, edge.call(now=time.time() + 32), 401, "clock_skew")
    assert edge.call(now=time.time() + 29).status == 200


def test_a08_expires_missing_or_past_or_too_late(edge):
    now = int(time.time())
    for expires in (None, str(now - 1), str(now + 59), str(now + 61), str(now + 86_400)):
        assert is_unauthorized(edge, resigned(edge, expires=expires))


@pytest.mark.parametrize(
    "created",
    [
        *("1_700_000_000", " 1700000000", "1700000000.0", str(2**63), "-1", "0", "01700000000"),
        *("17e8", '"1700000000"', "?1", "", "1700000000;created=1700000000"),
    ],
)
def test_a09_created_is_no_plain_integer(edge, created):
    assert is_unauthorized(edge, resigned(edge, created=created or '""'))


def test_a09_created_in_arabic_digits(edge):
    headers = edge.resign(edge.sign(), COVER, parameters(edge))
    arabic = headers["signature-input"].replace("created=1", "created=\u0661").encode()
    fields = [(name.encode(), value.encode()) for name, value in headers.items()]
    fields = [(name, arabic if name == b"signature-input" else value) for name, value in fields]
    assert is_unauthorized(edge, edge.say("GET", "/v1/status", fields))


@pytest.mark.parametrize(
    "nonce", [None, "", "A" * 21, "A" * 23, "A" * 10_000, "A" * 21 + "+", "A" * 21 + " "]
)
def test_a10_nonce_missing_or_of_another_form(edge, nonce):
    changed = None if nonce is None else f'"{nonce}"'
    assert is_unauthorized(edge, resigned(edge, nonce=changed))


def test_a10_nonce_not_ascii(edge):
    headers = edge.sign().headers
    bent = headers["signature-input"].replace('nonce="', 'nonce="\xe9')
    assert is_unauthorized(edge, edge.say("GET", "/v1/status", headers | {"signature-input": bent}))


def put(edge, headers: dict[str, str], body: bytes):
    return edge.say("PUT", "/v1/wg/wg0/syncconf", headers, body)


def test_a11_body_changed_and_digest_kept(edge):
    headers = edge.sign("PUT", "/v1/wg/wg0/syncconf", body=b'{"a":1}').headers
    assert is_signed_refusal(edge, put(edge, headers, b'{"a":2}'), 401, "bad_digest")


def test_a12_body_and_digest_changed_and_signature_kept(edge):
    headers = edge.sign("PUT", "/v1/wg/wg0/syncconf", body=b'{"a":1}').headers
    digest = base64.b64encode(hashlib.sha256(b'{"a":2}').digest()).decode()
    changed = headers | {"content-digest": f"sha-256=:{digest}:"}
    assert is_unauthorized(edge, put(edge, changed, b'{"a":2}'))


def digest_of(name: str, body: bytes = b"") -> str:
    return base64.b64encode(hashlib.new(name, body, usedforsecurity=False).digest()).decode()


@pytest.mark.parametrize(
    "digest",
    [
        f"sha-512=:{digest_of('sha512')}:",
        f"md5=:{digest_of('md5')}:",
        f"sha-256=:{digest_of('sha256')}:, sha-256=:{digest_of('sha256', b'x')}:",
        f"sha-256=:{digest_of('sha256')}:, sha-512=:{digest_of('sha512', b'x')}:",
        f"sha-512=:{digest_of('sha512')}:, sha-256=:{digest_of('sha256')}:",
        f"SHA-256=:{digest_of('sha256')}:",
        f"sha-256={digest_of('sha256')}",
        "",
    ],
)
def test_a13_any_digest_but_one_sha_256(edge, digest):
    request = edge.sign()
    request.headers["content-digest"] = digest
    heard = edge.say("GET", "/v1/status", edge.resign(request, COVER, parameters(edge)))
    assert is_signed_refusal(edge, heard, 401, "bad_digest")


@pytest.mark.parametrize("field", COVER.split())
def test_a14_a_field_left_out_of_the_covered_set(edge, field):
    cover = " ".join(name for name in COVER.split() if name != field)
    assert is_unauthorized(edge, resigned(edge, cover))


def test_a15_nothing_covered(edge):
    assert is_unauthorized(edge, resigned(edge, ""))


def test_a16_an_extra_field_covered_or_another_order(edge):
    backwards = " ".join(reversed(COVER.split()))
    for cover in (f'{COVER} "host"', f'"host" {COVER}', f'{COVER} "wgpanel-node"', backwards):
        assert is_unauthorized(edge, resigned(edge, cover))


def test_a16_if_match_sent_but_not_covered(edge):
    assert is_unauthorized(edge, with_headers(edge, if_match='"7"'))
    assert is_unauthorized(edge, with_headers(edge, idempotency_key="k"))


def test_a21_a_request_for_node_a_sent_to_node_b_with_the_same_secret(edge, start_edge):
    other = start_edge(keys=derive_keys("node-b", 1, SECRET))
    assert other.call().status == 200
    other.calls.clear()
    for_a = edge.sign(authority=other.host).headers
    assert is_unauthorized(other, other.say("GET", "/v1/status", for_a))


def test_a22_another_nodes_name_signed_with_this_nodes_key(edge):
    assert is_signed_refusal(edge, edge.call(node="node-b"), 403, "wrong_node")


@pytest.mark.parametrize(
    "keyid",
    [
        *("", "node-b.1", "unknown", "*", "3f0c8a52-6f0e-4f0a-9f57-0a4d3b7f1c11"),
        *("3f0c8a52-6f0e-4f0a-9f57-0a4d3b7f1c11.0", "3f0c8a52-6f0e-4f0a-9f57-0a4d3b7f1c11.01"),
        *("3f0c8a52-6f0e-4f0a-9f57-0a4d3b7f1c11.1.resp", "../../etc/passwd", "3F0C.1"),
    ],
)
def test_a23_a_key_id_that_is_not_ours(edge, keyid):
    assert is_unauthorized(edge, resigned(edge, keyid=f'"{keyid}"'))


def test_a23_a_retired_key(edge):
    assert edge.call().status == 200
    edge.calls.clear()
    edge.known.clear()
    assert is_unauthorized(edge, edge.call())


def test_a23_the_key_of_answers_used_on_a_request(edge):
    ours = edge.keys
    swapped = Keys(ours.node, ours.keyid, request=ours.response, response=ours.request)
    assert is_unauthorized(edge, edge.call(keys=swapped))


def test_a24_a_key_of_an_unknown_kind(edge):
    assert is_unauthorized(edge, resigned(edge, keyid=f'"{edge.keys.keyid}.ro"'))
    assert is_unauthorized(edge, resigned(edge, keyid=f'"ro.{edge.keys.keyid}"'))


@pytest.mark.parametrize(
    "alg", ['"rsa-pss-sha512"', '"none"', None, '"HMAC-SHA256"', '"hmac-sha512"', "hmac-sha256"]
)
def test_a25_another_algorithm_or_none(edge, alg):
    assert is_unauthorized(edge, resigned(edge, alg=alg))


@pytest.mark.parametrize(
    "secret", [b"", bytes(31), b"J25dJebdR+na7Q72fDo/PyVmsx9a2c3bRpZrrpvu2TM="], ids=repr
)
def test_a26_a_key_that_anyone_can_guess(edge, secret):
    public_keys = {b"J25dJebdR+na7Q72fDo/PyVmsx9a2c3bRpZrrpvu2TM="}
    assert weakness(secret, public_keys)
    guessed = derive_keys(edge.keys.node, 1, secret)
    raw = Keys(edge.keys.node, edge.keys.keyid, request=secret, response=secret)
    assert is_unauthorized(edge, edge.call(keys=guessed))
    assert is_unauthorized(edge, edge.call(keys=raw))


def test_a27_a_mac_cut_emptied_extended_or_of_another_form(edge):
    headers = edge.sign().headers
    good = headers["signature"].removeprefix("wgpanel=:").removesuffix(":")
    raw = base64.b64decode(good)
    bent = [
        *("", good[:-4], good[:-1], good + "AAAA", good + "=", raw.hex(), good.lower(), f" {good}"),
        *(
            base64.b64encode(raw[:16]).decode(),
            base64.urlsafe_b64encode(raw).decode() + "=",
            "\xff",
        ),
        *(good[:10] + "\xff" + good[11:], good[:-2] + "B=", base64.b64encode(bytes(32)).decode()),
    ]
    for mac in bent:
        heard = edge.say("GET", "/v1/status", headers | {"signature": f"wgpanel=:{mac}:"})
        assert is_unauthorized(edge, heard), mac
    for field in ("", good, f'wgpanel="{good}"', f"wgpanel={good}", f"other=:{good}:"):
        heard = edge.say("GET", "/v1/status", headers | {"signature": field})
        assert is_unauthorized(edge, heard), field


@pytest.mark.parametrize("second", ["other", "wgpanel"])
@pytest.mark.parametrize("good_first", [True, False])
def test_a28_two_signatures_in_one_field(edge, second, good_first):
    """One good and one bad, two good, the same label twice."""
    good = edge.sign().headers
    for spoil in ("", "A"):
        mac = good["signature"], good["signature"].replace("wgpanel=:", f"{second}=:{spoil}")
        base = good["signature-input"], good["signature-input"].replace("wgpanel", second, 1)
        order = 1 if good_first else -1
        both = {"signature": ", ".join(mac[::order]), "signature-input": ", ".join(base[::order])}
        assert is_unauthorized(edge, edge.say("GET", "/v1/status", good | both))


def test_a28_two_signatures_in_two_fields(edge):
    fields = [(name.encode(), value.encode()) for name, value in edge.sign().headers.items()]
    heard = edge.say("GET", "/v1/status", fields + fields[-2:])
    assert (heard.status, edge.calls) == (400, [])


@pytest.mark.parametrize(
    "tag", [None, '"wgpanel-response-v1"', '"wgpanel-request-v2"', '"app"', '""']
)
def test_a29_the_tag_of_answers_or_any_other(edge, tag):
    assert is_unauthorized(edge, resigned(edge, tag=tag))


def test_reasons_are_counted_and_never_answered(edge):
    edge.say("GET", "/v1/status", {"host": edge.host})
    edge.call(keys=derive_keys(edge.keys.node, 1, b"x" * 32))
    edge.call(keys=derive_keys("node-b", 1, b"x" * 32))
    resigned(edge, tag=None)
    edge.call(node="node-b")
    assert edge.counters.auth_failures == {
        "no_signature": 1,
        "bad_signature": 1,
        "unknown_key": 1,
        "malformed": 1,
        "wrong_node": 1,
    }
