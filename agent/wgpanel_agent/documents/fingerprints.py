"""Comparing preshared keys without sending them."""

import hashlib
import hmac


def fingerprint_key(node: str, secret: bytes) -> bytes:
    """The key for `preshared_key_fingerprint`, from the secret that node and panel share."""
    return hmac.digest(secret, f"wgpanel-fingerprint-v1 {node}".encode(), "sha256")


def preshared_key_fingerprint(key: bytes, public_key: str, preshared_key: str) -> str:
    """Lets two holders of `key` (32 secret bytes) compare a preshared key without sending it.

    A keyed BLAKE2b (RFC 7693) over both keys: worth nothing without `key`, so that a weak preshared
    key cannot be guessed from it, and the same preshared key looks different on every peer.
    """
    text = public_key + preshared_key
    return hashlib.blake2b(text.encode("ascii"), digest_size=16, key=key).hexdigest()
