"""What has to change: pure comparisons of desired peers with those that run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from wgpanel_agent.documents import InterfacePart, InvalidDocument, PeerPart
from wgpanel_agent.host.system import Link
from wgpanel_agent.host.wireguard import Fingerprint, Peer, Running
from wgpanel_agent.http import HttpError
from wgpanel_agent.slices import in_slices

SHRINK_COUNT = 10  # removing so many peers needs no second word,
SHRINK_SHARE = 0.2  # nor this share of them


class AddressTaken(HttpError):
    """`wg` would take the address from its holder without a word."""

    def __init__(self, network: str, holder: str, wanted_by: str) -> None:
        super().__init__(
            409,
            "address_taken",
            f"{network} belongs to another peer.",
            network=network,
            holder=holder,
            public_key=wanted_by,
        )


class ShrinkGuard(HttpError):
    """So many removals are a mistake until the count is confirmed."""

    def __init__(self, removals: int, peers: int) -> None:
        detail = f"This removes {removals} of {peers} peers: confirm_removals must be {removals}."
        super().__init__(409, "shrink_guard", detail, removals=removals, peers=peers)


@dataclass(frozen=True, slots=True)
class Plan:
    """The least that must be written; what is right already is only counted."""

    upserts: tuple[PeerPart, ...]
    removals: tuple[str, ...]
    added: int
    unchanged: int

    def __bool__(self) -> bool:
        return bool(self.upserts or self.removals)

    @property
    def touched(self) -> frozenset[str]:
        return frozenset((*self.removals, *(peer.public_key for peer in self.upserts)))


def is_as_desired(running: Peer | None, desired: PeerPart, fingerprint: Fingerprint) -> bool:
    """Endpoints and counters are the peer's own business."""
    if running is None or running.keepalive != desired.keepalive:
        return False
    is_same_text = running.allowed_ips == ",".join(desired.allowed_ips)  # the order it came in
    if not is_same_text and sorted(running.networks) != sorted(desired.allowed_ips):
        return False
    secret = desired.preshared_key
    return running.fingerprint == (fingerprint(desired.public_key, secret) if secret else None)


async def plan_changes(
    running: Mapping[str, Peer],
    upserts: Sequence[PeerPart],
    removals: Iterable[str],
    fingerprint: Fingerprint,
) -> Plan:
    wrong = [
        peer
        async for peer in in_slices(upserts)
        if not is_as_desired(running.get(peer.public_key), peer, fingerprint)
    ]
    return Plan(
        upserts=tuple(wrong),
        removals=tuple(key for key in dict.fromkeys(removals) if key in running),
        added=sum(peer.public_key not in running for peer in wrong),
        unchanged=len(upserts) - len(wrong),
    )


async def plan_document(
    running: Mapping[str, Peer], peers: Sequence[PeerPart], fingerprint: Fingerprint
) -> Plan:
    desired = {peer.public_key for peer in peers}
    gone = [key for key in running if key not in desired]
    return await plan_changes(running, peers, gone, fingerprint)


async def refuse_taken_addresses(running: Mapping[str, Peer], plan: Plan) -> None:
    """Raises AddressTaken where somebody outside the plan holds what the plan gives away."""
    wanted = {network: peer.public_key for peer in plan.upserts for network in peer.allowed_ips}
    touched = plan.touched
    async for holder in in_slices(running.values()):
        if wanted.keys().isdisjoint(holder.networks) or holder.public_key in touched:
            continue
        network = next(network for network in holder.networks if network in wanted)
        raise AddressTaken(network, holder.public_key, wanted[network])


def refuse_shrinking(removals: int, peers: int, confirmed: int | None) -> None:
    """Raises ShrinkGuard."""
    is_large = removals > max(SHRINK_COUNT, SHRINK_SHARE * peers)
    if is_large and confirmed != removals:
        raise ShrinkGuard(removals, peers)


def refuse_own_key(peers: Iterable[PeerPart], own: str | None) -> None:
    """`wg` ignores such a peer without a word."""
    if any(peer.public_key == own for peer in peers):
        raise InvalidDocument("public_key", "is the interface's own")


@dataclass(frozen=True, slots=True)
class Settings:
    """What `wg` itself holds of an interface, besides peers and its private key."""

    public_key: str | None
    listen_port: int
    fwmark: int | None

    def hold(self, running: Running) -> bool:
        """An interface that had lost its key must have one again."""
        return (
            running.public_key is not None
            and running.public_key == (self.public_key or running.public_key)
            and running.listen_port == self.listen_port
            and running.fwmark == self.fwmark
        )


def desired_settings(running: Running, part: InterfacePart | None) -> Settings:
    """Without a part everything stays as it runs."""
    if part is not None:
        return Settings(running.public_key, part.listen_port, part.fwmark)
    if running.listen_port is None:
        raise InvalidDocument("interface.listen_port", "is missing, and the interface has none")
    return Settings(running.public_key, running.listen_port, running.fwmark)


def refuse_other_link(part: InterfacePart | None, link: Link | None) -> None:
    """Addresses, MTU and table are set when an interface is made; here they can only agree."""
    if part is None or link is None:
        return
    if part.table is not None:
        raise InvalidDocument("interface.table", "cannot be set while the interface runs")
    if part.mtu not in (None, link.mtu):
        raise InvalidDocument("interface.mtu", f"is {link.mtu} and stays so while it runs")
    if not set(part.addresses) <= set(link.addresses):
        raise InvalidDocument("interface.addresses", "are not those of the interface")
