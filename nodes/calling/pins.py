"""The pin of an agent's certificate: what it is, how it is spelled, which of two was shown.

An agent's certificate is its own: nobody signed it and its dates carry no meaning. Who shows the
certificate that was pinned when the node joined holds its private key, and nothing else is asked.
"""

import hashlib
import re
from typing import NamedTuple

from django.core.exceptions import ValidationError

PIN_LENGTH = 64
_PIN = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Pins(NamedTuple):
    """Which certificates an agent may show: its own, and the one that it is to change to."""

    current: str
    next: str = ""


def pin_of(certificate: bytes) -> str:
    """Return the pin of a certificate in DER: its SHA-256 as hexadecimal digits."""
    return hashlib.sha256(certificate).hexdigest()


def certificate_pin(value: str) -> None:
    """Accept what `wgpanel-agent pin` prints, in that one spelling."""
    if not _PIN.fullmatch(value):
        raise ValidationError(
            "Enter the 64 hexadecimal digits, in lower case, that `wgpanel-agent pin` prints.",
            code="bad_pin",
        )
