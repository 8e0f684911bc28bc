"""What differs between desired, running and on disk: a pure comparison.

Endpoints and counters are the peers' own business and never drift. A field that is named `conf`, or
begins with `conf.`, is about the file on the node's disk; others are about what runs.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

Kind = Literal["missing", "unknown", "mismatched", "interface"]
Values = Mapping[str, Any]
CONF = "conf"


@dataclass(frozen=True, slots=True)
class Item:
    """One difference; a preshared key shows as its fingerprint only."""

    kind: Kind
    public_key: str | None = None
    field: str | None = None
    desired: Any = None
    observed: Any = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def parse(cls, told: Mapping[str, Any]) -> Self:
        return cls(**told)

    @property
    def is_on_disk(self) -> bool:
        return self.field is not None and self.field.partition(".")[0] == CONF

    @property
    def identity(self) -> str:
        """Stays the same while the item does."""
        text = json.dumps(self.as_json(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class PeerView:
    """One peer as one side has it; `expires_at` (Unix time) is known of desired ones only."""

    allowed_ips: tuple[str, ...]
    keepalive: int | None = None
    fingerprint: str | None = None
    expires_at: int | None = None

    def values(self) -> Values:
        return {
            "allowed_ips": sorted(self.allowed_ips),
            "keepalive": self.keepalive,
            "preshared_key": self.fingerprint,
        }


@dataclass(frozen=True, slots=True)
class InterfaceView:
    """An interface as one side has it; None in what is desired leaves a value to the system."""

    listen_port: int | None
    addresses: tuple[str, ...] = ()
    mtu: int | None = None
    fwmark: int | None = None
    table: str | int | None = None
    public_key: str | None = None

    def values(self) -> Values:
        return {
            "listen_port": self.listen_port,
            "addresses": sorted(self.addresses),
            "mtu": self.mtu,
            "fwmark": self.fwmark,
            "table": self.table,
            "public_key": self.public_key,
        }


@dataclass(frozen=True, slots=True)
class View:
    """What one side has: an interface, None where there is none, and its peers by key."""

    interface: InterfaceView | None
    peers: Mapping[str, PeerView] = field(default_factory=dict)


LEFT_TO_THE_SYSTEM = ("mtu", "public_key", "table")
IN_EACH = {
    "": ("listen_port", "addresses", "mtu", "fwmark", "public_key"),
    CONF: ("listen_port", "addresses", "mtu", "fwmark", "table"),
}


def compare(desired: View, running: View, on_disk: View | None, now: float) -> list[Item]:
    """Every difference, those of the interface first; `on_disk` is None where it does not matter.

    Who expired by `now` (Unix time) may be gone or may not. An interface that is down or a file
    that is missing is one difference, not one for each peer.
    """
    found = list(_side(desired, running, "", now))
    if on_disk is not None:
        found += _side(desired, on_disk, CONF, now)
    return sorted(found, key=lambda item: item.kind != "interface")


def _side(desired: View, other: View, where: str, now: float) -> Iterator[Item]:
    if desired.interface is None:
        raise ValueError("an interface without desired state cannot drift")
    if other.interface is None:
        yield Item("interface", field=where or "status", desired="up", observed="down")
        return
    wanted, found = desired.interface.values(), other.interface.values()
    for name in _compared(wanted, where):
        if wanted[name] != found[name]:
            yield Item("interface", None, _field(where, name), wanted[name], found[name])
    yield from _peers(desired.peers, other.peers, where, now)


def _compared(wanted: Values, where: str) -> Iterator[str]:
    for name in IN_EACH[where]:
        if wanted[name] is not None or name not in LEFT_TO_THE_SYSTEM:
            yield name


def _peers(
    desired: Mapping[str, PeerView], other: Mapping[str, PeerView], where: str, now: float
) -> Iterator[Item]:
    for key, peer in desired.items():
        if peer.expires_at is not None and peer.expires_at <= now:
            continue
        found = other.get(key)
        if found is None:
            yield Item("missing", key, where or None, dict(peer.values()), None)
        elif found != peer:
            yield from _fields(key, peer.values(), found.values(), where)
    for key in sorted(other.keys() - desired.keys()):
        yield Item("unknown", key, where or None, None, dict(other[key].values()))


def _fields(key: str, desired: Values, found: Values, where: str) -> Iterator[Item]:
    for name, value in desired.items():
        if found[name] != value:
            yield Item("mismatched", key, _field(where, name), value, found[name])


def _field(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def confirmed(first: Iterable[Item], second: Iterable[Item]) -> list[Item]:
    """What two looks both found: a change on its way shows in one of them at most."""
    earlier = {item.identity for item in first}
    return [item for item in second if item.identity in earlier]
