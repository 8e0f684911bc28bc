"""What panel and agent say to each other about WireGuard: desired documents and status reports.

Both sides build and read them with these types, so a field exists in one place. Parsing raises
InvalidDocument with the path of the field. Standard library only.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from wgpanel_agent import grammar
from wgpanel_agent.grammar import InvalidDocument
from wgpanel_agent.reports import InterfaceReport, StatusReport

__all__ = [
    "Document",
    "InterfacePart",
    "InterfaceReport",
    "InvalidDocument",
    "PeerPart",
    "StatusReport",
    "fingerprint_key",
    "preshared_key_fingerprint",
]

LARGEST = 2**63 - 1
MAX_ALLOWED_IPS = 64


def fingerprint_key(node: str, secret: bytes) -> bytes:
    """The key for `preshared_key_fingerprint`, from the secret that node and panel share."""
    return hmac.digest(secret, f"wgpanel-fingerprint-v1 {node}".encode(), "sha256")


def preshared_key_fingerprint(key: bytes, public_key: str, preshared_key: str) -> str:
    """Lets two holders of `key` (32 secret bytes) compare a preshared key without sending it.

    A keyed BLAKE2b (RFC 7693) over both keys: worth nothing without `key`, so that a weak preshared
    key cannot be guessed from it, and the same preshared key looks different on every peer.
    """
    text = public_key + preshared_key
    return hashlib.blake2b(text.encode("ascii"), digest_size=16, key=key).hexdigest()


def fields_of(data: object, path: str, known: Iterable[str]) -> Mapping[str, Any]:
    """The JSON object itself; a field we do not know is refused, never ignored."""
    if not isinstance(data, dict):
        raise InvalidDocument(path, "must be an object")
    for unknown in data.keys() - set(known):
        name = unknown if unknown.isascii() and unknown.isidentifier() else "(unprintable)"
        raise InvalidDocument(f"{path}.{name[:40]}", "is not a field of this version")
    return data


def list_of(value: object, field: str, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise InvalidDocument(field, f"must be a list of at most {most}")
    return value


def _optional_count(value: object, field: str) -> int | None:
    return None if value is None else grammar.integer(value, field, 0, LARGEST)


@dataclass(frozen=True, slots=True)
class PeerPart:
    """One peer as desired. `expires_at` is Unix time in seconds; None means never, or no quota."""

    public_key: str
    allowed_ips: tuple[str, ...]
    preshared_key: str | None = None
    keepalive: int | None = None
    expires_at: int | None = None
    quota_bytes: int | None = None

    @classmethod
    def parse(cls, data: object, path: str = "peer", *, routes: bool = False) -> Self:
        """`routes` permits networks behind the peer; otherwise it gets single addresses only."""
        given = fields_of(data, path, cls.__slots__)
        network = grammar.routed_network if routes else grammar.peer_address
        addresses = list_of(given.get("allowed_ips"), f"{path}.allowed_ips", MAX_ALLOWED_IPS)
        allowed_ips = [network(a, f"{path}.allowed_ips[{i}]") for i, a in enumerate(addresses)]
        if len(set(allowed_ips)) != len(allowed_ips):
            raise InvalidDocument(f"{path}.allowed_ips", "names one network twice")
        return cls(
            public_key=grammar.public_key(given.get("public_key"), f"{path}.public_key"),
            allowed_ips=tuple(sorted(allowed_ips)),
            preshared_key=grammar.preshared_key(
                given.get("preshared_key"), f"{path}.preshared_key"
            ),
            keepalive=grammar.keepalive(given.get("keepalive"), f"{path}.keepalive"),
            expires_at=_optional_count(given.get("expires_at"), f"{path}.expires_at"),
            quota_bytes=_optional_count(given.get("quota_bytes"), f"{path}.quota_bytes"),
        )

    def __repr__(self) -> str:
        return f"PeerPart({self.public_key})"


@dataclass(frozen=True, slots=True)
class InterfacePart:
    """The interface as desired; None leaves a value to the system."""

    listen_port: int
    addresses: tuple[str, ...] = ()
    mtu: int | None = None
    fwmark: int | None = None
    table: str | int | None = None

    @classmethod
    def parse(cls, data: object, path: str = "interface") -> Self:
        given = fields_of(data, path, cls.__slots__)
        addresses = list_of(given.get("addresses", []), f"{path}.addresses", MAX_ALLOWED_IPS)
        mtu = given.get("mtu")
        part = cls(
            listen_port=grammar.port(given.get("listen_port"), f"{path}.listen_port"),
            addresses=tuple(
                grammar.interface_address(a, f"{path}.addresses[{i}]")
                for i, a in enumerate(addresses)
            ),
            mtu=None if mtu is None else grammar.mtu(mtu, f"{path}.mtu"),
            fwmark=grammar.fwmark(given.get("fwmark"), f"{path}.fwmark"),
            table=grammar.routing_table(given.get("table"), f"{path}.table"),
        )
        if part.mtu is not None and part.mtu < 1280 and any(":" in a for a in part.addresses):
            raise InvalidDocument(f"{path}.mtu", "must be at least 1280 with IPv6, RFC 8200")
        return part


@dataclass(frozen=True, slots=True)
class Document:
    """The whole desired state of one interface; without `interface` its settings stay."""

    peers: tuple[PeerPart, ...]
    interface: InterfacePart | None = None

    @classmethod
    def parse(cls, data: object, *, routes: bool = False) -> Self:
        given = fields_of(data, "document", cls.__slots__)
        part = given.get("interface")
        listed = list_of(given.get("peers"), "peers", 65536)
        return cls.of(
            [PeerPart.parse(peer, f"peers[{i}]", routes=routes) for i, peer in enumerate(listed)],
            None if part is None else InterfacePart.parse(part),
        )

    @classmethod
    def of(cls, peers: Iterable[PeerPart], interface: InterfacePart | None = None) -> Self:
        """Refuses a key or a network that two peers claim."""
        document = cls(tuple(peers), interface)
        refuse_double_claims(document.peers)
        return document


def refuse_double_claims(peers: Iterable[PeerPart], path: str = "peers") -> None:
    claimed: dict[str, int] = {}
    for position, peer in enumerate(peers):
        for claim in (peer.public_key, *peer.allowed_ips):
            first = claimed.setdefault(claim, position)
            if first != position:
                field = "public_key" if claim == peer.public_key else "allowed_ips"
                raise InvalidDocument(f"{path}[{position}].{field}", f"is that of {path}[{first}]")
