"""The three sides of a comparison: what rows want, what a node's dump shows, what its file says."""

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from wgpanel_agent.documents import InterfacePart, PeerPart, fingerprint_key
from wgpanel_agent.documents import preshared_key_fingerprint as fingerprint

from nodes.exchange import AgentError
from nodes.models import Node
from reconcile.documents import Reading
from reconcile.drift import InterfaceView, PeerView, View

ALIVE_SECONDS = 180
Told = Mapping[str, Any]


def desired(reading: Reading, node: Node, public_key: str) -> View:
    """What the rows want; raises SecretLocked where the node's secret does not open."""
    secret = node.first_secret or node.secret  # what fingerprints are keyed with
    key = fingerprint_key(str(node.pk), (secret.reveal() if secret else "").encode())
    peers = {peer.public_key: _desired_peer(peer, key) for peer in reading.peers}
    return View(_desired_interface(reading.interface, public_key or None), peers)


def _desired_interface(part: InterfacePart, public_key: str | None) -> InterfaceView:
    return InterfaceView(
        listen_port=part.listen_port,
        addresses=part.addresses,
        mtu=part.mtu,
        fwmark=part.fwmark,
        table=part.table,
        public_key=public_key,
    )


def _desired_peer(peer: PeerPart, key: bytes) -> PeerView:
    secret = peer.preshared_key
    print_of = fingerprint(key, peer.public_key, secret) if secret else None
    return PeerView(peer.allowed_ips, peer.keepalive, print_of, peer.expires_at)


def running(dump: Told) -> View:
    """What runs, by `GET …/dump`; raises AgentError for an answer that makes no sense."""
    with _sense():
        told = dump["interface"]
        if told["status"] != "up":
            return View(None)
        return View(_interface(told, told["public_key"]), _peers(dump["peers"]))


def on_disk(conf: Told) -> View:
    """What the file says, by `GET …/conf`; raises AgentError for an answer that makes no sense."""
    with _sense():
        if conf["interface"] is None:
            return View(None)
        return View(_interface(conf["interface"], None), _peers(conf["peers"]))


def alive(dump: Told, now: float) -> set[str]:
    """The keys with a session at `now`, Unix time of the node; raises AgentError."""
    with _sense():
        since = now - ALIVE_SECONDS
        peers = dump["peers"]
        return {it["public_key"] for it in peers if (it["last_handshake"] or 0) > since}


def _interface(told: Told, public_key: str | None) -> InterfaceView:
    return InterfaceView(
        listen_port=told["listen_port"],
        addresses=tuple(_addresses(told["addresses"])),
        mtu=told["mtu"],
        fwmark=told["fwmark"],
        table=told.get("table"),
        public_key=public_key,
    )


def _addresses(texts: Iterable[str]) -> Iterator[str]:
    """In the spelling of desired ones; link-local ones are the system's own."""
    for text in texts:
        address = ipaddress.ip_interface(text)
        if not address.is_link_local:
            yield str(address)


def _peers(listed: Iterable[Told]) -> dict[str, PeerView]:
    view: Callable[..., PeerView] = PeerView
    return {
        it["public_key"]: view(
            tuple(it["allowed_ips"]), it["keepalive"], it["preshared_key_fingerprint"]
        )
        for it in listed
    }


@contextmanager
def _sense() -> Iterator[None]:
    """Even an agent that holds the right key may say anything."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise AgentError("bad_answer", "The agent's answer makes no sense.") from error
