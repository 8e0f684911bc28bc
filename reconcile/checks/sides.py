"""The three sides of a comparison: what rows want, what a node's dump shows, what its file says."""

import ipaddress
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from wgpanel_agent.documents import MOST_PEERS, InterfacePart, PeerPart, State, fingerprint_key
from wgpanel_agent.documents import preshared_key_fingerprint as fingerprint

from nodes.calling.exchange import AgentError
from nodes.models import Node
from reconcile.checks.drift import InterfaceView, PeerView, View
from reconcile.documents import Reading

ALIVE_SECONDS = 180
KEY_LENGTH = 44
NOTHING = View(None)
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


def are_differences(told: Told, state: State) -> bool:
    """Whether the node left out the peers that are as this state wants them; raises AgentError
    where it left out others."""
    with _sense():
        if "against" in told and told["against"] != name_of(state):
            raise ValueError("compared with another state than was named")
    return "against" in told


def name_of(state: State) -> str:
    """What a node is asked to compare with."""
    return state.etag.strip('"')


def differing(told: Told) -> set[str]:
    """The keys of what a node told though it left out the rest, as far as a peer can have them;
    raises AgentError."""
    with _sense():
        keys = {str(it["public_key"]) for it in told["peers"]} | set(map(str, told["missing"]))
    return {key for key in keys if len(key) == KEY_LENGTH and key.isascii() and key.isprintable()}


def running(dump: Told, desired: View = NOTHING) -> View:
    """What runs, by `GET …/dump`; raises AgentError for an answer that makes no sense.

    Peers that the node left out are as those of `desired`.
    """
    with _sense():
        told = dump["interface"]
        if told["status"] != "up":
            return View(None)
        return View(_interface(told, told["public_key"]), _all_peers(dump, desired))


def on_disk(conf: Told, desired: View = NOTHING) -> View:
    """What the file says, by `GET …/conf`; otherwise like `running`."""
    with _sense():
        if conf["interface"] is None:
            return View(None)
        return View(_interface(conf["interface"], None), _all_peers(conf, desired))


def alive(dump: Told, now: float) -> set[str]:
    """The keys with a session at `now`, Unix time of the node, of those told; raises AgentError."""
    with _sense():
        since = now - ALIVE_SECONDS
        peers = dump["peers"]
        return {it["public_key"] for it in peers if (it["last_handshake"] or 0) > since}


def sessions(dump: Told, alive: Collection[str]) -> int:
    """How many peers of the interface have one; raises AgentError."""
    if "against" not in dump:
        return len(alive)
    with _sense():
        return min(max(0, int(dump["active_peers"])), MOST_PEERS)


def _all_peers(told: Told, desired: View) -> Mapping[str, PeerView]:
    if "against" not in told:
        return _peers(told["peers"])
    gone = set(told["missing"])
    kept = {key: peer for key, peer in desired.peers.items() if key not in gone}
    return kept | _peers(told["peers"])


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
