"""What requests and answers share: RFC 9421's base and MAC, RFC 9530's digest, the grammar."""

import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Iterable
from typing import Literal, NamedTuple

MAX_AGE = 60  # seconds a request stays valid; `expires` is always `created` plus this
FUTURE_SKEW = 30  # seconds a request may come from the future
ANSWER_TIME = 60  # seconds an agent may take to answer; longer than the panel's deadline
JSON = "application/json"
LABEL = "wgpanel"
TIME = r"[1-9][0-9]{0,14}"  # an RFC 9651 integer, neither negative nor zero-padded
SIGNATURE = re.compile(rf"{LABEL}=:[A-Za-z0-9+/]{{42}}[AEIMQUYcgkosw048]=:")

Reason = Literal[
    "no_signature",  # a request without Signature or Signature-Input
    "malformed",  # outside the one grammar, a field sent twice, a wrong covered set
    "unknown_key",  # a key id that is not ours (found by the caller)
    "bad_signature",  # a request's MAC does not match
    "clock_skew",  # a right MAC, a time outside the window
    "replay",  # a right MAC, a nonce seen before (found by the caller)
    "wrong_node",  # a right MAC, but for another node
    "bad_digest",  # the body is not the one that was signed
    "unsigned",  # an answer without a signature
    "wrong_key",  # an answer of an agent that does not hold our key
]


class ProtocolError(Exception):
    """A message that must not be believed. `reason` is for logs and counters, str() for people."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason: Reason = reason


class Binding(NamedTuple):
    """The parts of a request that its answer is bound to; `created` is in the agent's time."""

    method: str
    path: str
    query: str
    content_digest: str
    signature: str
    created: int


def mac(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256 (RFC 9421 section 3.3.3)."""
    return hmac.digest(key, message, "sha256")


class CoveredSet:
    """Component identifiers as RFC 9421 serialises them, in their order.

    What is the same in every message of the set is made once: a panel signs and verifies thousands
    a second.
    """

    def __init__(self, *identifiers: str) -> None:
        self.field = f"({' '.join(identifiers)})"  # as in Signature-Input
        self._form = "\n".join(f"{it}: %s" for it in (*identifiers, '"@signature-params"'))
        self._breaks = len(identifiers)

    def base(self, values: Iterable[str], params: str) -> bytes:
        """RFC 9421 section 2.5, from the components' values.

        Raises ProtocolError malformed where a value could forge a line.
        """
        base = self._form % (*values, params)
        if not base.isascii() or not base.replace("\n", "", self._breaks).isprintable():
            raise ProtocolError("malformed", "A signed value holds more than printable ASCII.")
        return base.encode()


def signature_field(key: bytes, base: bytes) -> str:
    return f"{LABEL}=:{b64encode(mac(key, base)).decode()}:"


def matches(key: bytes, base: bytes, field: str) -> bool:
    """In constant time: is this Signature field, already of the right form, the right one?"""
    return hmac.compare_digest(signature_field(key, base).encode(), field.encode())


def content_digest(body: bytes) -> str:
    """The Content-Digest field, sha-256 only."""
    return _digest(body) if body else NO_CONTENT


def _digest(body: bytes) -> str:
    return f"sha-256=:{b64encode(hashlib.sha256(body).digest()).decode()}:"


NO_CONTENT = _digest(b"")  # every GET carries it


def check_digest(field: str, body: bytes) -> None:
    """Raises ProtocolError bad_digest unless `body` is, byte for byte, what the field says."""
    if not hmac.compare_digest(content_digest(body).encode(), field.encode()):
        raise ProtocolError("bad_digest", "The body is not the one that was signed.")


def read_fields(headers: Iterable[tuple[bytes, bytes]], wanted: frozenset[bytes]) -> dict[str, str]:
    """The wanted fields by lower-case name; raises ProtocolError malformed for one sent twice."""
    fields: dict[str, str] = {}
    for raw_name, value in headers:
        name = raw_name.lower()
        if name not in wanted:
            continue
        text = name.decode()
        if text in fields:
            raise ProtocolError("malformed", f"The field {text} was sent twice.")
        if not value.isascii():
            raise ProtocolError("malformed", f"The field {text} is not ASCII.")
        fields[text] = value.decode().strip(" \t")
    return fields
