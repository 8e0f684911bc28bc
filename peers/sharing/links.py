"""Links by which somebody without an account takes the file of one peer.

The link is `/share/<lookup>/#<secret>`. Browsers keep what stands behind `#` to themselves, so the
secret is in no log and no referrer; the page sends it when a person asks for the file. Stored is
only its keyed digest. Opening the page costs nothing and tells nothing; taking spends a use.
"""

import datetime as dt
import re
import secrets
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import F
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from accounts.actor import Actor
from keyring.digests import digest, is_digest_of
from peers import changing, desired
from peers.configuration import delivery
from peers.configuration.delivery import ClientFile
from peers.errors import Refused
from peers.models import Peer, ShareLink

DEFAULT_HOURS, MOST_HOURS = 24, 7 * 24
MOST_USES = 20
MOST_PIN_TRIES = 5
_SECRET_BYTES = 32
_LOOKUP_BYTES = 8
_PIN = re.compile(r"[0-9]{4,12}", re.ASCII)
_TOKEN_PURPOSE, _PIN_PURPOSE = "share link", "share link PIN"


class LinkRefused(Refused):
    """A link cannot be made as it was asked for."""


class LinkGone(Exception):
    """No such link, or it is used up, expired or revoked: which of them is not told."""


class PinNeeded(Exception):
    """The link wants a PIN; `tries_left` is None while none was given."""

    def __init__(self, tries_left: int | None = None) -> None:
        super().__init__("This link needs a PIN.")
        self.tries_left = tries_left


class KeyNeeded(Exception):
    """The panel holds no private key for the peer, and the browser sent no public key."""


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link and its secret, which is not stored and cannot be shown again."""

    link: ShareLink
    secret: str = field(repr=False)

    @property
    def path(self) -> str:
        """The path on this panel, with the secret behind `#`."""
        return f"{reverse('share', args=[self.link.lookup])}#{self.secret}"


@dataclass(frozen=True, slots=True)
class Ask:
    """What the page sends. `public_key` is that of a key made in the browser, empty if none was.

    With `keeps_key` the device has its key already, and the file comes with a placeholder.
    """

    lookup: str
    secret: str = field(repr=False)
    pin: str = field(default="", repr=False)
    public_key: str = ""
    keeps_key: bool = False


@sensitive_variables()
def create(
    peer: Peer, user: Actor, *, hours: int = DEFAULT_HOURS, uses: int = 1, pin: str = ""
) -> NewLink:
    """Make a link to the file of `peer`; raises LinkRefused."""
    now = timezone.now()
    _refuse_unfit(peer, now, hours, uses, pin)
    secret, lookup = secrets.token_urlsafe(_SECRET_BYTES), secrets.token_hex(_LOOKUP_BYTES)
    link = ShareLink.objects.create(
        peer=peer,
        lookup=lookup,
        token_hash=digest(_TOKEN_PURPOSE, secret),
        pin_hash=digest(_PIN_PURPOSE, f"{lookup} {pin}") if pin else "",
        expires_at=now + dt.timedelta(hours=hours),
        uses_left=uses,
        created_by_id=user.pk if user else None,
    )
    return NewLink(link, secret)


@sensitive_variables("pin")
def _refuse_unfit(peer: Peer, now: dt.datetime, hours: int, uses: int, pin: str) -> None:
    if reasons := peer.reasons_off(now):
        raise LinkRefused("peer", f"The peer is {' and '.join(reasons)}.")
    if not 1 <= hours <= MOST_HOURS:
        raise LinkRefused("hours", f"A link lives 1 to {MOST_HOURS} hours.")
    if not 1 <= uses <= MOST_USES:
        raise LinkRefused("uses", f"A link has 1 to {MOST_USES} uses.")
    if pin and _PIN.fullmatch(pin) is None:
        raise LinkRefused("pin", "A PIN has 4 to 12 digits.")


@sensitive_variables()
def take(ask: Ask) -> ClientFile:
    """Spend one use of a link and return the file.

    Raises LinkGone, PinNeeded, KeyNeeded, PeerRefused (the public key) and NoClientConf; none of
    them spends a use.
    """
    link = _found(ask)
    _check_pin(link, ask.pin)
    return _spend(link, ask)


def _found(ask: Ask) -> ShareLink:
    usable = ShareLink.objects.usable(timezone.now(), MOST_PIN_TRIES)
    link = usable.filter(lookup=ask.lookup).select_related("peer").first()
    # compared in any case, so that the time does not tell whether the lookup exists
    is_right = is_digest_of(link.token_hash if link else "", _TOKEN_PURPOSE, ask.secret)
    if link is None or not is_right:
        raise LinkGone
    return link


@sensitive_variables("pin")
def _check_pin(link: ShareLink, pin: str) -> None:
    """Take a try before judging it, so that parallel guesses get MOST_PIN_TRIES in all."""
    if not link.pin_hash:
        return
    if not pin:
        raise PinNeeded
    row = ShareLink.objects.filter(pk=link.pk)
    if not row.filter(pin_tries__lt=MOST_PIN_TRIES).update(pin_tries=F("pin_tries") + 1):
        raise LinkGone
    if not is_digest_of(link.pin_hash, _PIN_PURPOSE, f"{link.lookup} {pin}"):
        tries_left = MOST_PIN_TRIES - row.get().pin_tries
        raise PinNeeded(tries_left) if tries_left else LinkGone
    row.update(pin_tries=F("pin_tries") - 1)


@transaction.atomic
def _spend(link: ShareLink, ask: Ask) -> ClientFile:
    makes_key = link.peer.private_key is None and not ask.keeps_key
    if makes_key and not ask.public_key:
        raise KeyNeeded
    desired.locked(link.peer.interface_id)  # before the link, as whoever revokes it does
    now = timezone.now()
    mine = ShareLink.objects.usable(now, MOST_PIN_TRIES).filter(pk=link.pk)
    if not mine.update(uses_left=F("uses_left") - 1, used_at=now):
        raise LinkGone
    peer = Peer.objects.select_related("interface__node").get(pk=link.peer_id)
    if not peer.is_wanted(now):
        raise LinkGone
    if makes_key:
        peer = changing.set_public_key(peer, ask.public_key)
    return delivery.deliver(peer)
