"""The parts of a desired state: an interface, and each of its peers.

A part knows its digest. What has its default is left out of `as_json`, and so of the digest: a
field that a later version adds changes no hash until it is used. Defaults therefore never change.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from wgpanel_agent import grammar
from wgpanel_agent.grammar import InvalidDocument

LARGEST = 2**63 - 1
MAX_ALLOWED_IPS = 64
POLICIES = ("observe", "alert", "enforce")
# RFC 8785 for what occurs here: ASCII names and values, integers, no floating point numbers.
canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
_quoted = json.encoder.encode_basestring_ascii


def fields_of(data: object, path: str, known: Iterable[str]) -> Mapping[str, Any]:
    """The JSON object itself; a field we do not know is refused, never ignored."""
    if not isinstance(data, dict):
        raise InvalidDocument(path, "must be an object")
    for unknown in data.keys() - known:
        name = unknown if unknown.isascii() and unknown.isidentifier() else "(unprintable)"
        raise InvalidDocument(f"{path}.{name[:40]}", "is not a field of this version")
    return data


def list_of(value: object, field: str, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise InvalidDocument(field, f"must be a list of at most {most}")
    return value


def _optional_count(value: object, field: str) -> int | None:
    return None if value is None else grammar.integer(value, field, 0, LARGEST)


def peer_digest(told: str) -> int:
    """Of a peer's canonical JSON, for whoever has it already."""
    return _digest("peer", told)


def _digest(kind: str, told: str) -> int:
    """Of a part's canonical JSON."""
    text = f'["{kind}",{told}]'
    return int.from_bytes(hashlib.sha256(text.encode("ascii")).digest(), "big")


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
        given = fields_of(data, path, _PEER_FIELDS)
        try:
            return cls._parse(given, grammar.routed_network if routes else grammar.peer_address)
        except InvalidDocument as error:  # a path for each field costs too much among thousands
            raise InvalidDocument(f"{path}.{error.field}", error.problem) from error

    @classmethod
    def _parse(cls, given: Mapping[str, Any], network: Callable[[object, str], str]) -> Self:
        addresses = list_of(given.get("allowed_ips"), "allowed_ips", MAX_ALLOWED_IPS)
        allowed_ips = [network(a, f"allowed_ips[{i}]") for i, a in enumerate(addresses)]
        if len(set(allowed_ips)) != len(allowed_ips):
            raise InvalidDocument("allowed_ips", "names one network twice")
        return cls(
            public_key=grammar.public_key(given.get("public_key")),
            allowed_ips=tuple(sorted(allowed_ips)),
            preshared_key=grammar.preshared_key(given.get("preshared_key")),
            keepalive=grammar.keepalive(given.get("keepalive")),
            expires_at=_optional_count(given.get("expires_at"), "expires_at"),
            quota_bytes=_optional_count(given.get("quota_bytes"), "quota_bytes"),
        )

    def as_json(self) -> dict[str, Any]:
        """What `parse` reads back as this peer, its preshared key included."""
        told: dict[str, Any] = {
            "public_key": self.public_key,
            "allowed_ips": sorted(self.allowed_ips),
        }
        for name in _PEER_OPTIONS:
            value = getattr(self, name)
            if value is not None:
                told[name] = value
        return told

    def digest(self) -> int:
        """SHA-256 over its canonical JSON; the hash of a state is a sum of these."""
        return peer_digest(self.canonical())

    def canonical(self) -> str:
        """`as_json` as text, written by hand: there are thousands of peers."""
        told = f'{{"allowed_ips":[{",".join(map(_quoted, sorted(self.allowed_ips)))}]'
        if self.expires_at is not None:
            told += f',"expires_at":{canonical(self.expires_at)}'
        if self.keepalive is not None:
            told += f',"keepalive":{canonical(self.keepalive)}'
        if self.preshared_key is not None:
            told += f',"preshared_key":{_quoted(self.preshared_key)}'
        told += f',"public_key":{_quoted(self.public_key)}'
        if self.quota_bytes is not None:
            told += f',"quota_bytes":{canonical(self.quota_bytes)}'
        return told + "}"

    def is_expired(self, now: float) -> bool:
        """`now` is Unix time in seconds."""
        return self.expires_at is not None and self.expires_at <= now

    def __repr__(self) -> str:
        return f"PeerPart({self.public_key})"


_PEER_FIELDS = frozenset(PeerPart.__slots__)
_PEER_OPTIONS = tuple(field.name for field in fields(PeerPart) if field.default is None)


@dataclass(frozen=True, slots=True)
class InterfacePart:
    """The interface as desired; None leaves a value to the system.

    `forward` lets clients reach what is behind the node, `masquerade` behind its own address, out
    of `out_interface`. `policy` says what the node does about drift: only show it, report it, or
    undo it.
    """

    listen_port: int
    addresses: tuple[str, ...] = ()
    mtu: int | None = None
    fwmark: int | None = None
    table: str | int | None = None
    forward: bool = False
    masquerade: bool = False
    out_interface: str | None = None
    policy: str = "enforce"

    @classmethod
    def parse(cls, data: object, path: str = "interface") -> Self:
        given = fields_of(data, path, cls.__slots__)
        addresses = list_of(given.get("addresses", []), f"{path}.addresses", MAX_ALLOWED_IPS)
        mtu, out = given.get("mtu"), given.get("out_interface")
        part = cls(
            listen_port=grammar.port(given.get("listen_port"), f"{path}.listen_port"),
            addresses=tuple(
                grammar.interface_address(a, f"{path}.addresses[{i}]")
                for i, a in enumerate(addresses)
            ),
            mtu=None if mtu is None else grammar.mtu(mtu, f"{path}.mtu"),
            fwmark=grammar.fwmark(given.get("fwmark"), f"{path}.fwmark"),
            table=grammar.routing_table(given.get("table"), f"{path}.table"),
            forward=grammar.flag(given.get("forward", False), f"{path}.forward"),
            masquerade=grammar.flag(given.get("masquerade", False), f"{path}.masquerade"),
            out_interface=None if out is None else grammar.link_name(out, f"{path}.out_interface"),
            policy=grammar.one_of(given.get("policy", "enforce"), f"{path}.policy", POLICIES),
        )
        part._refuse_contradictions(path)
        return part

    def _refuse_contradictions(self, path: str) -> None:
        if self.mtu is not None and self.mtu < 1280 and any(":" in a for a in self.addresses):
            raise InvalidDocument(f"{path}.mtu", "must be at least 1280 with IPv6, RFC 8200")
        if len(set(self.addresses)) != len(self.addresses):
            raise InvalidDocument(f"{path}.addresses", "names one address twice")

    def as_json(self) -> dict[str, Any]:
        """What `parse` reads back as this interface."""
        told: dict[str, Any] = {"listen_port": self.listen_port}
        for name, default in _INTERFACE_OPTIONS:
            value = getattr(self, name)
            if value != default:
                told[name] = list(value) if isinstance(value, tuple) else value
        return told

    def digest(self) -> int:
        """SHA-256 over its canonical JSON; the hash of a state is a sum of these."""
        return _digest("interface", canonical(self.as_json()))


_INTERFACE_OPTIONS = tuple((field.name, field.default) for field in fields(InterfacePart)[1:])


def refuse_double_claims(peers: Iterable[PeerPart], path: str = "peers") -> None:
    """A key or a network has one peer: `wg` would take it from the first without a word."""
    claimed: dict[str, int] = {}
    for position, peer in enumerate(peers):
        for claim in (peer.public_key, *peer.allowed_ips):
            first = claimed.setdefault(claim, position)
            if first != position:
                field = "public_key" if claim == peer.public_key else "allowed_ips"
                raise InvalidDocument(f"{path}[{position}].{field}", f"is that of {path}[{first}]")
