"""Recognise a secret without being able to read it: HMAC-SHA256 (RFC 2104) under the field keys.

For tokens, PINs and fingerprints: a copy of the database alone says nothing about even a short
secret. Each purpose has a key of its own, so that digests of one are worth nothing for another.
"""

import hmac
from base64 import b64decode

from django.conf import settings
from django.views.decorators.debug import sensitive_variables


def digest(purpose: str, text: str) -> str:
    """Return 64 hexadecimal digits, made with the first field key."""
    return digests(purpose, text)[0]


@sensitive_variables()
def digests(purpose: str, text: str) -> list[str]:
    """Return the digest by each field key: an older key still recognises what was made with it."""
    keys = (b64decode(key) for key in settings.WGPANEL_FIELD_KEYS)
    own = (hmac.digest(key, f"wgpanel digest v1 {purpose}".encode(), "sha256") for key in keys)
    return [hmac.digest(key, text.encode(), "sha256").hex() for key in own]


def is_digest_of(stored: str, purpose: str, text: str) -> bool:
    """Whether `stored` was made of `text`, by any field key, in time that tells nothing of it."""
    return any(hmac.compare_digest(stored, made) for made in digests(purpose, text))
