"""Answers from an agent to the panel, each bound to the request it answers."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from wgpanel_agent.signing.base import (
    ANSWER_TIME,
    FUTURE_SKEW,
    JSON,
    LABEL,
    MAX_AGE,
    SIGNATURE,
    TIME,
    Binding,
    CoveredSet,
    ProtocolError,
    check_digest,
    content_digest,
    matches,
    read_fields,
    signature_field,
)
from wgpanel_agent.signing.keys import KEYID, Keys

TAG = "wgpanel-response-v1"
_INPUT = re.compile(
    rf'{LABEL}=((\([a-z@"; -]*\));created=({TIME});keyid="({KEYID})";alg="hmac-sha256"'
    rf';tag="{TAG}")'
)
_FIELDS = frozenset((b"content-digest", b"content-type", b"etag", b"signature-input", b"signature"))

_OF_REQUEST = tuple(
    f'"{name}";req' for name in ("@method", "@path", "@query", "content-digest", "signature")
)
_COVERED = CoveredSet('"@status"', '"content-digest"', '"content-type"', *_OF_REQUEST)
_COVERED_WITH_ETAG = CoveredSet(
    '"@status"', '"content-digest"', '"content-type"', '"etag"', *_OF_REQUEST
)


class VerifiedResponse(NamedTuple):
    """What the fields of a believed answer say; `created` is when it was signed, agent's time."""

    created: int
    etag: str | None


def sign_response(
    keys: Keys,
    binding: Binding,
    *,
    status: int,
    body: bytes,
    now: float,
    content_type: str = JSON,
    etag: str | None = None,
) -> dict[str, str]:
    """The header fields of an answer: digest, type, ETag if there is one, and the signature."""
    headers = {"content-digest": content_digest(body), "content-type": content_type}
    if etag is not None:
        headers["etag"] = etag
    covered, values = _components(status, headers, binding)
    params = (
        f'{covered.field};created={int(now)};keyid="{keys.keyid}";alg="hmac-sha256";tag="{TAG}"'
    )
    headers["signature-input"] = f"{LABEL}={params}"
    headers["signature"] = signature_field(keys.response, covered.base(values, params))
    return headers


def verify_response(
    keys: Keys,
    binding: Binding,
    *,
    status: int,
    headers: Iterable[tuple[bytes, bytes]],
    body: bytes,
) -> VerifiedResponse:
    """Believe an answer, or raise ProtocolError; only a believed answer says anything of a node.

    Reasons: unsigned; wrong_key (the agent refused our key, or signed with another); malformed;
    bad_digest; clock_skew (the agent's clock jumped while it answered). The covered signature of
    the request proves that the answer is fresh. Therefore a 401 may carry any time of the
    agent's: that is how a panel learns that clocks differ (`created` minus its own time).
    """
    fields = read_fields(headers, _FIELDS)
    if "signature-input" not in fields or "signature" not in fields:
        raise _unsigned(status, body)
    match = _INPUT.fullmatch(fields["signature-input"])
    if not match or not SIGNATURE.fullmatch(fields["signature"]):
        raise ProtocolError("malformed", "The answer's signature is not of the one form.")
    params, field, created, keyid = match.groups()
    covered, values = _components(status, fields, binding)
    if field != covered.field:
        raise ProtocolError("malformed", "The answer's signature covers other fields.")
    base = covered.base(values, params)
    if keyid != keys.keyid or not matches(keys.response, base, fields["signature"]):
        raise ProtocolError("wrong_key", "Wrong key: the answer is not signed with ours.")
    check_digest(fields["content-digest"], body)
    if status != 401:
        _check_answer_time(int(created), binding)
    return VerifiedResponse(int(created), fields.get("etag"))


def _check_answer_time(created: int, binding: Binding) -> None:
    if not -FUTURE_SKEW <= created - binding.created <= MAX_AGE + ANSWER_TIME:
        raise ProtocolError("clock_skew", "The agent's clock jumped while it answered.")


def _unsigned(status: int, body: bytes) -> ProtocolError:
    """An agent that does not know our key cannot sign; it says so. A hint, never a fact."""
    try:
        envelope = json.loads(body) if status == 401 else None
    except (ValueError, RecursionError):
        envelope = None
    if isinstance(envelope, dict) and envelope.get("error") == "unauthorized":
        return ProtocolError("wrong_key", "Wrong key: the agent refused the signature.")
    return ProtocolError("unsigned", "Unsigned answer: this may not be our agent.")


def _components(
    status: int, fields: Mapping[str, str], request: Binding
) -> tuple[CoveredSet, tuple[str, ...]]:
    """What an answer with these fields has to cover, and the value of each."""
    try:
        told = (str(status), fields["content-digest"], fields["content-type"])
    except KeyError as error:
        raise ProtocolError("malformed", f"The field {error} is missing.") from error
    method, path, query, digest, signature, _ = request
    asked = (method, path, f"?{query}", digest, signature)
    if "etag" in fields:
        return _COVERED_WITH_ETAG, (*told, fields["etag"], *asked)
    return _COVERED, (*told, *asked)
