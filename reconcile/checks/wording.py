"""Differences in words, for people who look at them."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from reconcile.checks.drift import CONF, Item

KINDS = {
    "missing": "Peer is missing",
    "unknown": "Unknown peer",
    "mismatched": "Peer differs",
    "interface": "Interface differs",
}
FIELDS = {
    "allowed_ips": "allowed IPs",
    "fwmark": "firewall mark",
    "listen_port": "listen port",
    "mtu": "MTU",
    "preshared_key": "preshared key",
    "public_key": "public key",
}
NOTHING = "–"


def what(item: Item) -> str:
    """Say what kind of difference this is: "Peer differs: allowed IPs"."""
    if item.field is None:
        return KINDS[item.kind]
    name = item.field.removeprefix(CONF).removeprefix(".")
    place = "in the file on disk" if item.is_on_disk else ""
    return f"{KINDS[item.kind]}: {' '.join(filter(None, (_field(name), place)))}"


def kinds(items: Iterable[Item]) -> str:
    """Say how many there are of each: "Peer is missing × 3, Unknown peer"."""
    counts = Counter(map(what, items)).most_common()
    return ", ".join(f"{name} × {count}" if count > 1 else name for name, count in counts)


def told(value: Any) -> str:
    """Spell a value: lists with commas, what has several parts with their names."""
    if value is None or value in ("", [], {}):
        return NOTHING
    if isinstance(value, dict):
        parts = [(_field(name), part) for name, part in value.items() if part is not None]
        return "; ".join(f"{name} {told(part)}" for name, part in parts) or NOTHING
    if isinstance(value, list | tuple):
        return ", ".join(map(told, value))
    return str(value)


def _field(name: str) -> str:
    return FIELDS.get(name, name.replace("_", " "))
