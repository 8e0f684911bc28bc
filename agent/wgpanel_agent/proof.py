"""How a node and a panel that share a one-use token prove it to each other, and get a key from it.

The node says `hello`, the panel answers with an `offer`; each is a text that carries an X25519
share (RFC 7748) and is covered, byte for byte, by the sender's HMAC. Keys come by HKDF-SHA256
(RFC 5869) from the exchanged shares, salted with the token's key and bound to both texts: whoever
finds the token later can compute none of them from what was recorded. Where the panel begins, it
proves a `call` first, so that a stranger gets no hello.

Needs `cryptography`. Imported by the panel and by `wgpanel-agent enrol`; never by `run`.
"""

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from typing import Self

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PROTOCOL = 1
LOOKUP = r"[0-9a-f]{24}"
HEX_KEY = r"[0-9a-f]{64}"
MOST_TEXT = 16_384  # of a hello or an offer
_TOKEN = re.compile(rf"(?P<lookup>{LOOKUP})\.(?P<secret>[A-Za-z0-9_-]{{42}}[AEIMQUYcgkosw048])")


class ProofError(Exception):
    """What came was not proven, or cannot be understood; one sentence that holds no key."""


@dataclass(frozen=True, slots=True)
class Token:
    """`lookup.secret`: the first part names the token, the second is known to nobody else."""

    lookup: str
    secret: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ProofError."""
        match = _TOKEN.fullmatch(text)
        if match is None:
            raise ProofError("this is not a join token: it was cut off, or has other letters")
        return cls(match["lookup"], urlsafe_b64decode(match["secret"] + "="))

    @property
    def key(self) -> bytes:
        """What proofs are made with, and all that the panel keeps."""
        return _derive(self.secret, salt=b"", info=f"wgpanel join token v1 {self.lookup}".encode())


def new_token() -> str:
    return f"{secrets.token_hex(12)}.{secrets.token_urlsafe(32)}"


@dataclass(frozen=True, slots=True)
class Share:
    """One side's X25519 key for one exchange."""

    private: bytes = field(repr=False)

    @classmethod
    def new(cls) -> Self:
        return cls(X25519PrivateKey.generate().private_bytes_raw())

    @property
    def public(self) -> str:
        """As it is sent: 64 hexadecimal digits."""
        key = X25519PrivateKey.from_private_bytes(self.private)
        return key.public_key().public_bytes_raw().hex()

    def exchange(self, public: str) -> bytes:
        """Raises ProofError for a share that is none, or of low order."""
        if not re.fullmatch(HEX_KEY, public):
            raise ProofError("the share is not 64 hexadecimal digits")
        try:
            other = X25519PublicKey.from_public_bytes(bytes.fromhex(public))
            return X25519PrivateKey.from_private_bytes(self.private).exchange(other)
        except ValueError as error:
            raise ProofError("the share is a point of low order") from error


def prove_hello(key: bytes, hello: str) -> str:
    """The node's proof."""
    return hmac.digest(key, b"wgpanel join hello v1\n" + hello.encode(), "sha256").hex()


def check_hello(key: bytes, hello: str, proof: str) -> None:
    """Raises ProofError."""
    _check(prove_hello(key, hello), proof)


def prove_call(key: bytes, call: str) -> str:
    """The proof of a panel that calls a node which waits."""
    return hmac.digest(key, b"wgpanel join call v1\n" + call.encode(), "sha256").hex()


def check_call(key: bytes, call: str, proof: str) -> None:
    """Raises ProofError."""
    _check(prove_call(key, call), proof)


@dataclass(frozen=True, slots=True)
class Agreement:
    """What both sides hold once each knows the other's share and both texts."""

    secret: str = field(repr=False)  # the node's secret, as its file has it
    _proof: str = field(repr=False)

    @classmethod
    def reach(cls, key: bytes, share: Share, other: str, *, hello: str, offer: str) -> Self:
        """Raises ProofError."""
        shared = share.exchange(other)
        said = _digest(hello) + _digest(offer)
        secret, proof = (
            _derive(shared, salt=key, info=f"wgpanel join {what} v1".encode() + said).hex()
            for what in ("secret", "offer")
        )
        return cls(secret, proof)

    def prove_offer(self) -> str:
        """The panel's proof."""
        return self._proof

    def check_offer(self, proof: str) -> None:
        """Raises ProofError."""
        _check(self._proof, proof)


def _check(expected: str, proof: str) -> None:
    if not re.fullmatch(HEX_KEY, proof) or not hmac.compare_digest(expected, proof):
        raise ProofError("the proof is wrong: the other side does not know this token")


def _derive(material: bytes, *, salt: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=info).derive(material)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
