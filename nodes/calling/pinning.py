"""Whose certificate is it? One rule for both ways of calling an agent, before a byte is sent."""

import asyncio
import ssl
from typing import Any

import aiohttp
from wgpanel_agent.tls import client_context

from nodes.calling.exchange import OTHER_CERTIFICATE, AgentError
from nodes.calling.pins import PIN_LENGTH, Pins, pin_of

# Trusts nobody: to load a bundle of authorities for each session takes longer than a handshake.
CONTEXT: ssl.SSLContext = client_context()


class Pinned(aiohttp.Fingerprint):
    """Accepts the node's pinned certificate, or its next one, and remembers which was shown.

    aiohttp keeps open connections by this, too: none serves a node that has other pins.
    """

    def __init__(self, pins: Pins):
        super().__init__(bytes.fromhex(pins.current))
        self.pins = pins
        self.shown = ""

    def verify(self, certificate: bytes | None) -> None:
        """Raise AgentError identity_mismatch for any other certificate (in DER), or none."""
        pin = pin_of(certificate or b"")
        if pin not in self.pins:
            raise AgentError("identity_mismatch", OTHER_CERTIFICATE)
        self.shown = pin

    def check(self, transport: asyncio.BaseTransport) -> None:
        """What aiohttp asks after the handshake of each new connection."""
        shown: Any = transport.get_extra_info("ssl_object")
        try:
            self.verify(shown.getpeercert(binary_form=True))
        except AgentError:
            transport.close()
            raise

    @property
    def has_seen_the_next(self) -> bool:
        return self.shown != "" and self.shown == self.pins.next

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pinned) and self.pins == other.pins

    def __hash__(self) -> int:
        return hash(self.pins)


class Stranger(Pinned):
    """For one who is not known yet: takes the certificate that is shown first, and then no other.

    Nothing that he says is believed before he has proven it, and this certificate with it.
    """

    def __init__(self) -> None:
        super().__init__(Pins("0" * PIN_LENGTH))

    def verify(self, certificate: bytes | None) -> None:
        """Raise AgentError identity_mismatch for another one than before."""
        pin = pin_of(certificate or b"")
        if self.shown not in ("", pin):
            raise AgentError("identity_mismatch", OTHER_CERTIFICATE)
        self.shown = pin
