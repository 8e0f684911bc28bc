"""Change a peer, under the lock of its interface: what it is called, whether, how, until when."""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.actor import Actor
from nodes.models import Interface
from peers import desired, validators
from peers.configuration import delivery
from peers.creation.placing import refuse_keys
from peers.creation.wishes import canonical, check_words, make_preshared_key
from peers.desired import BATCH
from peers.errors import PeerRefused, clock
from peers.models import Peer, ShareLink
from peers.pools import networks

CHANGEABLE = frozenset(
    {"name", "notes", "tags", "enabled", "expires_at", "keepalive", "routed_networks"}
)


@transaction.atomic
def change(user: Actor, peer: Peer, **fields: Any) -> Peer:
    """Give a peer these CHANGEABLE fields and return it as it is then.

    Raises PeerRefused, Peer.DoesNotExist for one that was removed, ValueError for other fields.
    """
    if refused := fields.keys() - CHANGEABLE:
        raise ValueError(f"not to be changed: {', '.join(sorted(refused))}")
    interface, present, now = _locked(peer)
    changed = {name: new for name, new in fields.items() if new != getattr(present, name)}
    for name, new in _checked(present, user, changed, now).items():
        setattr(present, name, new)
    check_words(present)
    if changed.get("enabled"):
        refuse_expired(present, now)
    store(interface, [present], changed, user, now)
    return present


@transaction.atomic
def enable(user: Actor, peer: Peer) -> Peer:
    """Let a peer connect; raises PeerRefused for one whose time is over, whoever disabled it."""
    _, present, now = _locked(peer)
    refuse_expired(present, now)
    return change(user, present, enabled=True)


def disable(user: Actor, peer: Peer) -> Peer:
    """Keep a peer from connecting until somebody enables it; nothing else of it changes."""
    return change(user, peer, enabled=False)


@transaction.atomic
def rotate_preshared_key(user: Actor, peer: Peer) -> Peer:
    """Give a peer a new preshared key: its client needs a new configuration."""
    interface, present, now = _locked(peer)
    present.preshared_key = make_preshared_key()
    store(interface, [present], ["preshared_key"], user, now)
    delivery.peer_changed(present)
    return present


@transaction.atomic
def set_public_key(peer: Peer, public_key: object, user: Actor = None) -> Peer:
    """Give a peer the key that its client made; raises PeerRefused.

    The old key gets a tombstone of its own, so that its node is told to forget it.
    """
    interface, present, now = _locked(peer)
    key = canonical(public_key=public_key, allowed_ips=[]).public_key
    if key == present.public_key:
        return present
    refuse_keys(interface, [key])
    old = Peer(name=present.name, interface=interface, public_key=present.public_key)
    old.digest, old.removed_at, present.digest = present.digest, now, ""
    present.public_key, present.private_key, present.updated_at = key, None, now
    offsets = desired.offsets_of([present])[present.pk]
    desired.stamp(interface, [(old, ()), (present, offsets)], now)
    Peer.objects.bulk_create([old])
    fields = ["public_key", "private_key", "updated_at", *desired.STAMP]
    Peer.objects.bulk_update([present], fields)
    remember([present], user, now)
    delivery.peer_changed(present)
    return present


def store(
    interface: Interface,
    peers: Sequence[Peer],
    fields: Iterable[str],
    user: Actor,
    now: dt.datetime,
) -> None:
    """Save the changed `fields` of peers with the desired state, and who changed them."""
    names = list(fields)
    if not names:
        return
    for peer in peers:
        peer.updated_at = now
    desired.restamp(interface, peers, now, fields=[*names, "updated_at"])
    if off := [peer for peer in peers if not peer.is_wanted(now)]:
        ShareLink.objects.filter(peer__in=off).revoke()
    remember(peers, user, now)


def remember(peers: Sequence[Peer], user: Actor, now: dt.datetime) -> None:
    """Add to the history of each peer what it is now."""
    Peer.history.bulk_history_create(
        peers, batch_size=BATCH, update=True, default_user=user, default_date=now
    )


def refuse_expired(peer: Peer, now: dt.datetime) -> None:
    """Say why enabling would not turn this peer on."""
    if peer.expires_at is not None and peer.is_expired(now):
        sentence = f"The peer expired at {clock(peer.expires_at)}: give it a later end first."
        raise PeerRefused("enabled", sentence)


def _locked(peer: Peer) -> tuple[Interface, Peer, dt.datetime]:
    interface = desired.locked(peer.interface_id)
    present = Peer.objects.existing().get(pk=peer.pk, interface=interface)
    present.interface = interface
    return interface, present, timezone.now()


def _checked(peer: Peer, user: Actor, fields: dict[str, Any], now: dt.datetime) -> dict[str, Any]:
    """The fields in their one spelling; raises PeerRefused."""

    def routes(value: Any) -> list[str]:
        listed = list(canonical(public_key=peer.public_key, allowed_ips=value).allowed_ips)
        networks.refuse_routes(listed, user, peer)
        return listed

    def keepalive(value: Any) -> int | None:
        return canonical(public_key=peer.public_key, allowed_ips=[], keepalive=value).keepalive

    rules: dict[str, Callable[[Any], Any]] = {
        "tags": validators.tags,
        "notes": validators.notes,
        "expires_at": lambda value: validators.end(value, now),
        "keepalive": keepalive,
        "routed_networks": routes,
    }
    return {name: rules[name](new) if name in rules else new for name, new in fields.items()}
