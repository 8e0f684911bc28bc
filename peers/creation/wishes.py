"""What somebody wants a peer to be, checked before a place is taken for it."""

import base64
import datetime as dt
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.conf import settings
from django.core.exceptions import ValidationError
from django.views.decorators.debug import sensitive_variables
from wgpanel_agent.documents import InvalidDocument, PeerPart

from nodes.pools import Address
from peers import validators
from peers.errors import PeerRefused
from peers.models import Peer
from peers.pools import addresses

NOT_WORDS = {field.name for field in Peer._meta.fields} - {"name"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """A peer as asked for; what comes from a program may be anything until it was checked.

    Without `public_key` the panel makes the pair. A preshared key is made unless one is given, or
    `with_preshared_key` is False.
    """

    name: str
    public_key: Any = None
    preshared_key: Any = field(default=None, repr=False)
    with_preshared_key: bool = True
    enabled: bool = True
    expires_at: dt.datetime | None = None
    keepalive: Any = None
    tags: Any = ()
    notes: str = ""
    routed_networks: Any = ()
    addresses: Any = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A peer that is not saved yet, the private key that the panel made, and chosen addresses."""

    peer: Peer
    private_key: str | None = field(repr=False)
    chosen: Mapping[int, Address]


@sensitive_variables()
def draft(wish: Wish, now: dt.datetime) -> Draft:
    """Check all that needs no interface; raises PeerRefused."""
    private, public = key_pair() if wish.public_key is None else (None, wish.public_key)
    part = canonical(
        public_key=public,
        preshared_key=wish.preshared_key,
        keepalive=wish.keepalive,
        allowed_ips=_listed(wish.routed_networks),
    )
    peer = Peer(
        name=wish.name,
        public_key=part.public_key,
        preshared_key=part.preshared_key if _is_given(wish) else make_preshared_key(),
        private_key=private if settings.WGPANEL_KEEP_CLIENT_KEYS else None,
        enabled=wish.enabled,
        expires_at=validators.end(wish.expires_at, now),
        keepalive=part.keepalive,
        tags=validators.tags(wish.tags),
        notes=validators.notes(wish.notes),
        routed_networks=list(part.allowed_ips),
    )
    check_words(peer)
    return Draft(peer, private, _chosen(wish.addresses))


@sensitive_variables()
def key_pair() -> tuple[str, str]:
    """Make a private key and its public key (X25519, RFC 7748), as WireGuard writes them."""
    key = X25519PrivateKey.generate()
    return _text(key.private_bytes_raw()), _text(key.public_key().public_bytes_raw())


def make_preshared_key() -> str:
    """Make 32 random bytes, as WireGuard writes a key."""
    return _text(os.urandom(32))


def check_words(peer: Peer) -> None:
    """Check what people read of a peer; raises PeerRefused for the first fault."""
    try:
        peer.clean_fields(exclude=NOT_WORDS)
    except ValidationError as error:
        name, faults = next(iter(error.message_dict.items()))
        raise PeerRefused(name, " ".join(faults)) from error


@sensitive_variables()
def canonical(**fields: Any) -> PeerPart:
    """Read keys, networks and keepalive by the agent's grammar; raises PeerRefused."""
    try:
        return PeerPart.parse(fields, routes=True)
    except InvalidDocument as error:
        raise PeerRefused.by_grammar(error) from error


def _is_given(wish: Wish) -> bool:
    return wish.preshared_key is not None or not wish.with_preshared_key


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _chosen(texts: Any) -> dict[int, Address]:
    if not isinstance(texts, list | tuple):
        raise PeerRefused("addresses", "Addresses are a list of one of each family.")
    parsed = [addresses.parse(text) for text in texts]
    chosen: dict[int, Address] = {address.version: address for address in parsed}
    if len(chosen) != len(parsed):
        raise PeerRefused("addresses", "A peer has one address of each family.")
    return chosen


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
