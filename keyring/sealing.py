"""Seal and open one secret: AES-256-GCM (NIST SP 800-38D) bound to the place where it is stored.

A sealed text is `v1.<key id>.<base64url of nonce and ciphertext>`. The place (`table|column|row`)
is associated data, so a sealed text that is copied to another row does not open.
"""

import hashlib
import os
import re
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.views.decorators.debug import sensitive_variables

VERSION = "v1"
_SEALED = re.compile(rf"{VERSION}\.[0-9a-f]{{8}}\.[A-Za-z0-9_-]+=*")
NONCE_BYTES = 12


class SecretLocked(Exception):
    """The secret cannot be opened: its key is missing, or it was moved or altered."""


def looks_sealed(text: str) -> bool:
    """Whether `text` has the form of a sealed one; it need not open."""
    return _SEALED.fullmatch(text) is not None


@sensitive_variables("plaintext")
def seal(plaintext: str, place: str) -> str:
    """Return `plaintext` sealed with the first configured key for `place`."""
    key_id, cipher = next(iter(_ciphers().items()))
    nonce = os.urandom(NONCE_BYTES)
    body = nonce + cipher.encrypt(nonce, plaintext.encode(), place.encode())
    return f"{VERSION}.{key_id}.{urlsafe_b64encode(body).decode()}"


def unseal(sealed: str, place: str) -> str:
    """Return the plaintext of `sealed`; raise SecretLocked when it does not open at `place`."""
    version, key_id, body = _parts(sealed)
    cipher = _ciphers().get(key_id)
    if version != VERSION or cipher is None:
        raise SecretLocked(f"no configured key has the id {key_id!r}")
    try:
        raw = urlsafe_b64decode(body)
        return cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], place.encode()).decode()
    except (InvalidTag, ValueError) as error:
        raise SecretLocked("the stored text was altered or belongs to another row") from error


def current_key_id() -> str:
    """Return the id of the key that seals now: eight digits of the key's SHA-256."""
    return next(iter(_ciphers()))


def key_id_of(sealed: str) -> str:
    """Return the id of the key that sealed this text; `?` where the text has no such form."""
    return sealed.split(".")[1] if looks_sealed(sealed) else "?"


def _parts(sealed: str) -> tuple[str, str, str]:
    try:
        version, key_id, body = sealed.split(".")
    except ValueError as error:
        raise SecretLocked("the stored text is not a sealed secret") from error
    return version, key_id, body


def _ciphers() -> dict[str, AESGCM]:
    return _load(tuple(settings.WGPANEL_FIELD_KEYS))


@lru_cache(maxsize=4)
@sensitive_variables()
def _load(keys: tuple[str, ...]) -> dict[str, AESGCM]:
    raw = [b64decode(key) for key in keys]
    return {hashlib.sha256(key).hexdigest()[:8]: AESGCM(key) for key in raw}
