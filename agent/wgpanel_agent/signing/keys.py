"""One secret per node becomes a key for each direction."""

import hmac
import re
from collections.abc import Container
from dataclasses import dataclass

NODE_ID = r"[A-Za-z0-9_-]{1,64}"
KEYID = rf"{NODE_ID}\.(?:0|[1-9][0-9]{{0,5}})"
MIN_SECRET = 32  # bytes
MIN_DISTINCT = 8  # a random hexadecimal text of 32 has about 14

_DEFAULTS = (
    *(b"changeme", b"yoursecret", b"mysecret", b"sharedsecret", b"supersecret", b"secretkey"),
    *(b"password", b"passphrase", b"insecure", b"placeholder", b"replaceme", b"wgdashboard"),
    *(b"0123456789", b"1234567890", b"abcdefgh", b"qwerty"),
)


@dataclass(frozen=True, slots=True)
class Keys:
    """What one node's secret gives: a key for each direction, and the id that names them."""

    node: str
    keyid: str
    request: bytes
    response: bytes

    def __repr__(self) -> str:  # a key never reaches a log or a traceback
        return f"Keys({self.keyid!r})"


def derive_keys(node: str, seq: int, secret: bytes) -> Keys:
    """HKDF-SHA256 (RFC 5869), bound to the key id: one secret at two nodes gives other keys.

    Raises ValueError for an id or number that a key id cannot carry.
    """
    keyid = f"{node}.{seq}"
    if not re.fullmatch(KEYID, keyid):
        raise ValueError(f"not a key id: {keyid!r}")
    master = hmac.digest(b"wgpanel-signing-v1", secret, "sha256")
    request, response = (
        hmac.digest(master, f"wgpanel {direction} {keyid}\x01".encode(), "sha256")
        for direction in ("panel->agent", "agent->panel")
    )
    return Keys(node, keyid, request, response)


def weakness(secret: bytes, public_keys: Container[bytes] = ()) -> str | None:
    """Why a secret must be refused, as the end of "The secret …"; None if nothing is wrong.

    `public_keys` are texts that anyone can know, such as the interfaces' own public keys.
    """
    letters = re.sub(rb"[^a-z0-9]", b"", secret.lower())
    faults = {
        f"is shorter than {MIN_SECRET} bytes": len(secret) < MIN_SECRET,
        "begins or ends with white space": secret != secret.strip(),
        "is a public key": secret in public_keys,
        "contains a well-known default": any(word in letters for word in _DEFAULTS),
        "is one piece repeated": 0 < (secret + secret).find(secret, 1) < len(secret),
        "has too few different bytes": len(set(secret)) < MIN_DISTINCT,
    }
    return next((words for words, faulty in faults.items() if faulty), None)
