"""What runs and is not desired, or is desired and does not run: one item for each difference."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from wgpanel_agent.desired.plans import Plan, Settings
from wgpanel_agent.documents import PeerPart
from wgpanel_agent.host.wireguard import Fingerprint, Peer, Running


@dataclass(frozen=True, slots=True)
class Item:
    """`kind` is missing, unknown or mismatched for a peer, and interface; no key material: of a
    preshared key there is a fingerprint."""

    kind: str
    public_key: str | None = None
    field: str | None = None
    desired: Any = None
    observed: Any = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def is_down(observed: str = "down") -> Item:
    """One item stands for the interface and all of its peers."""
    return Item("interface", None, "status", "up", observed)


def peer_items(
    plan: Plan, running: Mapping[str, Peer], fingerprint: Fingerprint, expired: Collection[str]
) -> list[Item]:
    """What a plan would repair. That a peer's time is up is no drift."""
    items = [Item("unknown", key) for key in plan.removals if key not in expired]
    for wanted in plan.upserts:
        found = running.get(wanted.public_key)
        items += _mismatches(wanted, found, fingerprint) if found else [_missing(wanted)]
    return items


def _missing(wanted: PeerPart) -> Item:
    return Item("missing", wanted.public_key)


def _mismatches(wanted: PeerPart, found: Peer, fingerprint: Fingerprint) -> Iterator[Item]:
    secret = wanted.preshared_key
    desired = {
        "allowed_ips": sorted(wanted.allowed_ips),
        "keepalive": wanted.keepalive,
        "preshared_key": fingerprint(wanted.public_key, secret) if secret else None,
    }
    observed = {
        "allowed_ips": sorted(found.networks),
        "keepalive": found.keepalive,
        "preshared_key": found.fingerprint,
    }
    for name, value in desired.items():
        if value != observed[name]:
            yield Item("mismatched", wanted.public_key, name, value, observed[name])


def settings_items(wanted: Settings, running: Running) -> list[Item]:
    """What `wg` itself holds of the interface; see `Settings.hold`."""
    return [
        Item("interface", None, name, getattr(wanted, name), getattr(running, name))
        for name in ("public_key", "listen_port", "fwmark")
        if getattr(wanted, name) != getattr(running, name)
    ]
