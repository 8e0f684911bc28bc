"""How an API token is recognised: HMAC-SHA256 over its SHA-512, under the field keys."""

import hashlib

from knox.crypto import make_hex_compatible

from keyring.digests import digest, digests

PURPOSE = "api token"


class KeyedDigest:
    """In the form of `hashlib`, as knox wants its algorithm (REST_KNOX)."""

    def __init__(self) -> None:
        self._inner = hashlib.sha512()

    def update(self, content: bytes) -> None:
        self._inner.update(content)

    def hexdigest(self) -> str:
        return digest(PURPOSE, self._inner.hexdigest())


def former_digests(token: str) -> list[str]:
    """Return what a token was stored as under older field keys, and by panels that used none."""
    plain = hashlib.sha512(make_hex_compatible(token)).hexdigest()
    return [*digests(PURPOSE, plain)[1:], plain]
