"""A new secret that panel and agent agree on: ephemeral Diffie-Hellman under the old secret.

The group is ffdhe2048 (RFC 7919, appendix A.1). Shares travel in requests and answers signed with
the old keys, so nobody between the two can exchange them; what travels says nothing of the new
secret, also to somebody who learns the old one later. Standard library only: an agent carries no
compiled cryptography.
"""

import hmac
import re
import secrets
from dataclasses import dataclass

_TAIL = (
    "ADF85458A2BB4A9AAFDC5620273D3CF1D8B9C583CE2D3695A9E13641146433FBCC939DCE249B3EF97D2FE363630C75D8"
    "F681B202AEC4617AD3DF1ED5D5FD65612433F51F5F066ED0856365553DED1AF3B557135E7F57C935984F0C70E0E68B77"
    "E2A689DAF3EFE8721DF158A136ADE73530ACCA4F483A797ABC0AB182B324FB61D108A94BB2C8E3FBB96ADAB760D7F468"
    "1D4F42A3DE394DF4AE56EDE76372BB190B07A7C8EE0A6D709E02FCE1CDF7E2ECC03404CD28342F619172FE9CE98583FF"
    "8E4F1232EEF28183C3FE3B1B4C6FAD733BB5FCBC2EC22005C58EF1837D1683B2C6F34A26C1B2EFFA886B423861285C97"
)
PRIME = int(f"{'F' * 16}{_TAIL}{'F' * 16}", 16)
GENERATOR = 2
EXPONENT_BITS = 256  # RFC 7919 asks for at least 225
SHARE = re.compile(r"[0-9a-f]{512}")


class BadShare(ValueError):
    """Not a share of this group, or one that would give away what is agreed on."""


@dataclass(frozen=True, slots=True)
class Half:
    """What one side keeps to itself, and the share that it sends."""

    exponent: int
    share: str

    def __repr__(self) -> str:  # the exponent never reaches a log or a traceback
        return "Half(…)"


def make_half() -> Half:
    exponent = secrets.randbits(EXPONENT_BITS) | 1 << EXPONENT_BITS - 1
    return Half(exponent, f"{pow(GENERATOR, exponent, PRIME):0512x}")


def agreed_secret(
    half: Half, theirs: str, *, old: bytes, keyid: str, shares: tuple[str, str]
) -> str:
    """64 hexadecimal digits: HKDF-SHA256 (RFC 5869) of what both can reckon, salted with the old
    secret and bound to the new key's id and to both shares, the panel's first.

    Raises BadShare.
    """
    agreed = pow(_group_element(theirs), half.exponent, PRIME).to_bytes(256, "big")
    extracted = hmac.digest(b"wgpanel-rotation-v1" + old, agreed, "sha256")
    about = f"wgpanel new secret {keyid} {' '.join(shares)}\x01"
    return hmac.digest(extracted, about.encode(), "sha256").hex()


def _group_element(share: str) -> int:
    if not SHARE.fullmatch(share):
        raise BadShare("must be 512 hexadecimal digits in lower case")
    element = int(share, 16)
    if not 2 <= element <= PRIME - 2:  # the only elements of a small order
        raise BadShare("must be from 2 to the prime less 2")
    return element
