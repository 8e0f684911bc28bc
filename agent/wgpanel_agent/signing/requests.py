"""Requests from the panel to an agent: signing them, and the checks an agent makes in order."""

import re
import secrets
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from wgpanel_agent.signing.base import (
    FUTURE_SKEW,
    JSON,
    LABEL,
    MAX_AGE,
    SIGNATURE,
    TIME,
    Binding,
    CoveredSet,
    ProtocolError,
    content_digest,
    matches,
    read_fields,
    signature_field,
)
from wgpanel_agent.signing.keys import KEYID, Keys

TAG = "wgpanel-request-v1"
_INPUT = re.compile(
    rf'{LABEL}=((\([a-z@" -]*\));created=({TIME});keyid="({KEYID})";alg="hmac-sha256"'
    rf';expires=({TIME});nonce="([A-Za-z0-9_-]{{22}})";tag="{TAG}")'
)
_ALWAYS = ("content-digest", "content-type", "wgpanel-node")
_CONDITIONS = ("if-match", "idempotency-key")  # covered exactly where they are sent
_FIELDS = frozenset(
    (
        *(b"host", b"content-digest", b"content-type", b"wgpanel-node"),
        *(b"if-match", b"idempotency-key", b"signature-input", b"signature"),
    )
)


class SignedRequest(NamedTuple):
    """All header fields to send, Host included, and what to check the answer against."""

    headers: dict[str, str]
    binding: Binding


class ReceivedRequest(NamedTuple):
    """A request of the right form. Nothing in it may be believed before `check_mac`."""

    keyid: str
    nonce: str
    node: str
    content_type: str
    if_match: str | None
    idempotency_key: str | None
    base: bytes
    binding: Binding


def sign_request(
    keys: Keys,
    *,
    method: str,
    authority: str,
    path: str,
    now: float,
    query: str = "",
    body: bytes = b"",
    node: str | None = None,
    nonce: str | None = None,
    if_match: str | None = None,
    idempotency_key: str | None = None,
) -> SignedRequest:
    """Sign what goes to an agent; `now` is in the agent's time, the known skew added.

    `authority` is what Host will say, without the scheme's default port; `path` and `query` are
    spelled as they go over the wire, `query` without its question mark; a body is JSON. Send
    exactly the headers returned. Raises ProtocolError malformed for text that cannot be signed.
    """
    headers = {
        "host": authority.lower(),
        "content-digest": content_digest(body),
        "content-type": JSON,
        "wgpanel-node": node or keys.node,
    }
    if if_match is not None:
        headers["if-match"] = if_match
    if idempotency_key is not None:
        headers["idempotency-key"] = idempotency_key
    created = int(now)
    covered, values = _components(method, path, query, headers)
    params = (
        f'{covered.field};created={created};keyid="{keys.keyid}";alg="hmac-sha256"'
        f';expires={created + MAX_AGE};nonce="{nonce or secrets.token_urlsafe(16)}"'
        f';tag="{TAG}"'
    )
    signature = signature_field(keys.request, covered.base(values, params))
    headers["signature-input"] = f"{LABEL}={params}"
    headers["signature"] = signature
    digest = headers["content-digest"]
    return SignedRequest(headers, Binding(method, path, query, digest, signature, created))


def parse_request(
    *, method: str, path: str, query: str, headers: Iterable[tuple[bytes, bytes]]
) -> ReceivedRequest:
    """Read a request as it came over the wire; raises ProtocolError no_signature or malformed."""
    fields = read_fields(headers, _FIELDS)
    if "signature-input" not in fields or "signature" not in fields:
        raise ProtocolError("no_signature", "The request is not signed.")
    match = _INPUT.fullmatch(fields["signature-input"])
    if not match or not SIGNATURE.fullmatch(fields["signature"]):
        raise ProtocolError("malformed", "The signature is not of the one accepted form.")
    params, field, created, keyid, expires, nonce = match.groups()
    covered, values = _components(method, path, query, fields)
    if field != covered.field or int(expires) != int(created) + MAX_AGE:
        raise ProtocolError("malformed", "The signature covers other fields, or another time.")
    digest, signature = fields["content-digest"], fields["signature"]
    return ReceivedRequest(
        keyid=keyid,
        nonce=nonce,
        node=fields["wgpanel-node"],
        content_type=fields["content-type"],
        if_match=fields.get("if-match"),
        idempotency_key=fields.get("idempotency-key"),
        base=covered.base(values, params),
        binding=Binding(method, path, query, digest, signature, int(created)),
    )


def check_mac(keys: Keys, received: ReceivedRequest) -> None:
    """In constant time; raises ProtocolError bad_signature."""
    if not matches(keys.request, received.base, received.binding.signature):
        raise ProtocolError("bad_signature", "The signature does not match.")


def check_time(created: int, now: float) -> None:
    """At most MAX_AGE old and FUTURE_SKEW early, in whole seconds; raises clock_skew."""
    age = int(now) - created
    if not -FUTURE_SKEW <= age <= MAX_AGE:
        raise ProtocolError("clock_skew", f"By this machine's clock it was signed {age} s ago.")


def check_node(keys: Keys, received: ReceivedRequest) -> None:
    """Raises ProtocolError wrong_node where a right key was used for another node."""
    if received.node != keys.node:
        raise ProtocolError("wrong_node", "The request is meant for another node.")


def _components(
    method: str, path: str, query: str, fields: Mapping[str, str]
) -> tuple[CoveredSet, tuple[str, ...]]:
    """What a request with these fields has to cover, and the value of each."""
    sent = tuple([name for name in _CONDITIONS if name in fields])
    try:
        named = [fields[name] for name in (*_ALWAYS, *sent)]
        return _covered(sent), (method, fields["host"].lower(), path, f"?{query}", *named)
    except KeyError as error:
        raise ProtocolError("malformed", f"The field {error} is missing.") from error


@lru_cache
def _covered(conditions: tuple[str, ...]) -> CoveredSet:
    derived = ('"@method"', '"@authority"', '"@path"', '"@query"')
    return CoveredSet(*derived, *(f'"{name}"' for name in (*_ALWAYS, *conditions)))
