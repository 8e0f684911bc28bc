"""What is known of each interface, kept current by whole looks and by what an apply read back."""

import asyncio
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from wgpanel_agent.desired.drift import Item
from wgpanel_agent.documents import State
from wgpanel_agent.host.system import Link
from wgpanel_agent.host.wireguard import Peer, Running
from wgpanel_agent.reporting.reports import InterfaceReport
from wgpanel_agent.slices import in_slices


@dataclass(slots=True)
class Totals:
    """Over the peers of one interface, counted while they are read."""

    active_peers: int = 0
    rx_bytes: int = 0
    tx_bytes: int = 0

    def count(self, peer: Peer, active_since: float) -> None:
        self.active_peers += peer.last_handshake is not None and peer.last_handshake > active_since
        self.rx_bytes += peer.rx_bytes
        self.tx_bytes += peer.tx_bytes


@dataclass(frozen=True, slots=True)
class Conformity:
    """How an interface stands to its desired state, which is None where it is lost.

    `condition` is in_sync, drifted, incomplete or lost; `applied` the generation that was last seen
    whole on the interface, None if none was.
    """

    state: State | None
    condition: str
    drift: tuple[Item, ...] = ()
    applied: int | None = None


@dataclass(slots=True)
class InterfaceState:
    """One interface. A problem keeps what was known before and makes its status `error`.

    `looked_at` is monotonic time when the last look began, None before the first. `changed` holds
    for each peer the `sequence` at which anything of it last changed; the numbers of a later start
    of the agent are higher. `touched` are peers that a running look may have missed. `conformity`
    is None where nothing is desired.
    """

    name: str
    is_managed: bool
    running: Running | None = None
    link: Link | None = None
    problem: str | None = None
    looked_at: float | None = None
    totals: Totals = field(default_factory=Totals)
    changed: dict[str, int] = field(default_factory=dict)
    sequence: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    shrunk_at: int = field(init=False)
    touched: dict[str, float] = field(default_factory=dict)
    conformity: Conformity | None = None
    _absorbing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.shrunk_at = self.sequence  # older numbers are of an earlier start

    @property
    def status(self) -> str:
        if self.problem is not None:
            return "error"
        return "up" if self.running and self.link and self.link.is_up else "down"

    @property
    def peers(self) -> Mapping[str, Peer]:
        return self.running.peers if self.running else {}

    def age(self, now: float) -> float | None:
        """In seconds; None if it was never seen."""
        return None if self.looked_at is None else max(0.0, now - self.looked_at)

    async def absorb(self, running: Running, looked_at: float, active_since: float) -> None:
        """Take a whole look; one that is older than what we have is left aside."""
        async with self._absorbing:
            if self.looked_at is not None and looked_at < self.looked_at:
                return
            known, totals, fresh = self.peers, Totals(), []
            async for key, peer in in_slices(running.peers.items()):
                old = known.get(key)
                if old is not None and old == peer:
                    running.peers[key] = old  # the new copy can go
                else:
                    fresh.append(key)
                totals.count(peer, active_since)
            self._commit(running, looked_at, totals, fresh)

    def _commit(
        self, running: Running, looked_at: float, totals: Totals, fresh: Collection[str]
    ) -> None:
        self.sequence += 1
        if not self.peers.keys() <= running.peers.keys():
            self.shrunk_at = self.sequence
            self.changed = {key: at for key, at in self.changed.items() if key in running.peers}
        self.changed.update(dict.fromkeys(fresh, self.sequence))
        self.touched = {key: at for key, at in self.touched.items() if at > looked_at}
        touched = {key: self.peers.get(key) for key in self.touched}
        self.running, self.totals, self.looked_at, self.problem = running, totals, looked_at, None
        self._patch(touched)

    def read_back(self, news: Mapping[str, Peer | None], at: float) -> None:
        """Take what an apply saw of the peers that it touched; None for one that is gone."""
        self.touched.update(dict.fromkeys(news, at))
        self._patch(news)

    def _patch(self, news: Mapping[str, Peer | None]) -> None:
        if self.running is None or not news:
            return
        self.sequence += 1
        for key, peer in news.items():
            if peer is not None:
                self.running.peers[key] = peer
                self.changed[key] = self.sequence
            elif self.running.peers.pop(key, None):
                self.changed.pop(key, None)
                self.shrunk_at = self.sequence

    def lose(self, looked_at: float) -> None:
        """It is not there any more."""
        self.running, self.totals, self.changed = None, Totals(), {}
        self.looked_at, self.problem = looked_at, None
        self.sequence += 1
        self.shrunk_at = self.sequence

    def changed_since(self, sequence: int | None) -> Collection[str] | None:
        """The keys of peers that changed after this look, or None where only the whole will do."""
        if sequence is None or not self.shrunk_at <= sequence <= self.sequence:
            return None
        return [key for key, at in self.changed.items() if at > sequence]

    def report(self) -> InterfaceReport:
        running, conformity = self.running, self.conformity
        desired = conformity.state if conformity else None
        return InterfaceReport(
            status=self.status,
            public_key=running.public_key if running else None,
            listen_port=running.listen_port if running else None,
            peer_count=len(self.peers),
            active_peers=self.totals.active_peers,
            total_rx_bytes=self.totals.rx_bytes,
            total_tx_bytes=self.totals.tx_bytes,
            epoch=desired.epoch if desired else None,
            generation=desired.generation if desired else None,
            hash=desired.hash if desired else None,
            condition=conformity.condition if conformity else None,
            drift=len(conformity.drift) if conformity else None,
            managed=self.is_managed,
        )
