"""Make a join token, and the line that an operator pastes on the new node."""

import hashlib
import math
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from wgpanel_agent import proof

from accounts.actor import Actor
from nodes.calling import outbound
from nodes.enrolment.join_token import DEFAULT_MINUTES, JoinToken
from nodes.models import Node


@dataclass(frozen=True, slots=True)
class Lines:
    """What to paste; each holds the token, which is shown once."""

    token: str = field(repr=False)
    panel_url: str
    again: str = ""

    @property
    def _flags(self) -> str:
        pin = panel_pin()
        return f"--token {self.token}" + (f" --pin {pin}" if pin else "") + self.again

    @property
    def enrol(self) -> str:
        """Where the agent is installed already."""
        return f"wgpanel-agent enrol {self.panel_url} {self._flags}"

    @property
    def install(self) -> str:
        """On a bare server, as root; a panel with a pin has a certificate that no CA signed."""
        fetch = "curl -fsSL" + (f" -k --pinnedpubkey sha256//{_key_pin()}" if panel_pin() else "")
        return f"{fetch} {self.panel_url}/install.sh | sh -s -- {self.panel_url} {self._flags}"


@dataclass(frozen=True, slots=True)
class WaitingLines:
    """What to paste on a node that the panel is to call."""

    token: str = field(repr=False)
    minutes: int
    listen: str
    again: str = ""

    @property
    def _flags(self) -> str:
        wait = f"--wait {self.minutes} --listen {self.listen}"
        return f"{wait} --token {self.token}{self.again}"

    @property
    def enrol(self) -> str:
        return f"wgpanel-agent enrol {self._flags}"

    @property
    def install(self) -> str:
        """With the script and the wheel in the same folder, as both were carried there."""
        return f"sh install.sh {self._flags}"


def lines(row: JoinToken, token: str, panel_url: str) -> Lines | WaitingLines:
    again = " --again" if row.is_again else ""
    if not row.dial_url:
        return Lines(token, panel_url, again)
    place = outbound.check(row.dial_url)
    everywhere = "[::]" if place.address and place.address.version == 6 else "0.0.0.0"  # noqa: S104
    minutes = math.ceil((row.expires_at - timezone.now()).total_seconds() / 60)
    return WaitingLines(token, minutes, f"{everywhere}:{place.port}", again)


@sensitive_variables()
def make(by: Actor, *, minutes: int = DEFAULT_MINUTES, **presets: Any) -> tuple[JoinToken, str]:
    """Return a new row and its token. Raises ValidationError."""
    row = JoinToken(**presets)
    text = issue(row, by, minutes)
    row.full_clean()
    row.save()
    return row, text


@sensitive_variables()
def make_again(by: Actor, node: Node) -> tuple[JoinToken, str]:
    """For a node that the panel knew before; it is called again if it was called the last time."""
    joined = JoinToken.objects.filter(node=node, used_at__isnull=False).order_by("-used_at")
    was_called = joined.values_list("dial_url", flat=True).first()
    return make(by, node=node, dial_url=node.agent_url if was_called else "")


@sensitive_variables()
def issue(row: JoinToken, by: Actor, minutes: int) -> str:
    """Give a row that is not saved yet its token, and return it."""
    text = proof.new_token()
    token = proof.Token.parse(text)
    row.lookup, row.key = token.lookup, token.key.hex()
    row.call_proof = proof.prove_call(token.key, row.call) if row.dial_url else ""
    row.created_by = by if isinstance(by, User) else None
    row.expire_in(minutes)
    return text


def revoke(row: JoinToken) -> bool:
    """Whether it could still be used until now."""
    unused = JoinToken.objects.filter(pk=row.pk, used_at=None, revoked_at=None)
    return bool(unused.update(revoked_at=timezone.now(), key=None))


def panel_url(request: HttpRequest) -> str:
    """Where nodes reach the panel: as configured, or as the operator reaches it."""
    return settings.WGPANEL_URL_FOR_NODES or request.build_absolute_uri("/").rstrip("/")


def panel_pin() -> str:
    """The SHA-256 of the certificate that the panel is seen with; empty where it is not known."""
    pem = settings.WGPANEL_CERTIFICATE
    if not pem:
        return ""
    return hashlib.sha256(
        x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    ).hexdigest()


def _key_pin() -> str:
    """What curl pins (RFC 7469): the certificate's public key."""
    key = x509.load_pem_x509_certificate(settings.WGPANEL_CERTIFICATE).public_key()
    info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b64encode(hashlib.sha256(info).digest()).decode()
