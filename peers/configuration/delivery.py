"""Hand out the file of a peer, and know later who holds one that is outdated.

A fingerprint has two halves of 128 bits. That of the interface is made of its endpoint, public key,
DNS, MTU, routes and keepalive; that of the peer of its addresses and keys, the preshared key only
under the panel's own key. Both are kept on their rows by whoever changes them (`interface_changed`,
`peer_changed`); at delivery both are written down on the peer. Which peers hold another file than
they would get now is then one condition in SQL: `Peer.objects.outdated()`.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from keyring.digests import digests
from nodes.models import Interface
from peers.configuration.client_conf import ClientConf, endpoint_host, for_peer, render
from peers.configuration.file_names import file_name
from peers.models import Peer

_PURPOSE = "client file"
_DIGITS = 32
_BATCH = 500


@dataclass(frozen=True, slots=True)
class ClientFile:
    """A file as it is handed out: its name, its text, and the model that it says."""

    name: str
    text: str = field(repr=False)
    conf: ClientConf


@sensitive_variables()
def deliver(peer: Peer, private_key: str | None = None) -> ClientFile:
    """Return the file of `peer` and note that it was handed out; raises NoClientConf."""
    file = file_of(peer, private_key)
    note_delivered([peer])
    return file


def file_of(peer: Peer, private_key: str | None = None) -> ClientFile:
    """Return the file of `peer`, as a preview that nobody takes away; raises NoClientConf."""
    conf = for_peer(peer, private_key)
    return ClientFile(name=file_name(peer.name, peer.pk), text=render(conf), conf=conf)


def note_delivered(peers: Iterable[Peer]) -> None:
    """Remember of `peers`, as they are in memory, that they hold the file made of them."""
    delivered = list(peers)
    for peer in delivered:
        if not peer.interface.client_fingerprint:
            interface_changed(peer.interface)
        peer.client_fingerprint = _own_fingerprint(peer)
        peer.delivered_fingerprint = interface_fingerprint(peer.interface) + peer.client_fingerprint
        peer.delivered_at = timezone.now()
    fields = ["client_fingerprint", "delivered_fingerprint", "delivered_at"]
    Peer.objects.bulk_update(delivered, fields, batch_size=_BATCH)


def interface_changed(interface: Interface) -> bool:
    """Keep the interface's half; to be called wherever endpoint, port, key, DNS, MTU, routes or
    keepalive were saved, or the address of its node's agent. Returns whether it is another now.
    """
    stored = Interface.objects.filter(pk=interface.pk)
    return _keep(interface, stored, interface_fingerprint(interface))


def peer_changed(peer: Peer) -> bool:
    """Keep the peer's half; to be called wherever its addresses or keys were saved."""
    return _keep(peer, Peer.objects.filter(pk=peer.pk), _own_fingerprint(peer))


def _keep(row: Interface | Peer, stored: QuerySet[Any, Any], now: str) -> bool:
    """Not saved through the row: that would be one more entry in its history."""
    if now == row.client_fingerprint:
        return False
    row.client_fingerprint = now
    stored.update(client_fingerprint=now)
    return True


def interface_fingerprint(interface: Interface) -> str:
    """Return the half of what all peers of `interface` have in common."""
    told = [
        endpoint_host(interface),
        interface.endpoint_port or interface.listen_port,
        interface.public_key,
        interface.dns,
        interface.mtu,
        interface.client_allowed_ips,
        interface.keepalive,
    ]
    return hashlib.sha256(_canonical(told)).hexdigest()[:_DIGITS]


@sensitive_variables()
def _own_fingerprint(peer: Peer) -> str:
    """The peer's half; the one it has if that is still right by an older key of the panel."""
    secret = peer.preshared_key
    told = [
        *sorted(str(address.ip) for address in peer.addresses.all() if not address.released_at),
        peer.public_key,
        secret.reveal() if secret else None,
    ]
    made = [it[:_DIGITS] for it in digests(_PURPOSE, _canonical(told).decode())]
    return peer.client_fingerprint if peer.client_fingerprint in made else made[0]


def _canonical(told: Sequence[object]) -> bytes:
    return json.dumps(told, separators=(",", ":")).encode()
