"""The composition root: everything an agent is made of, put together once."""

import functools
import json
import time
from collections.abc import Callable

from wgpanel_agent import __version__
from wgpanel_agent.config import Config
from wgpanel_agent.desired.acceptance import Desired
from wgpanel_agent.desired.apply import Applier
from wgpanel_agent.desired.convergence import Convergence
from wgpanel_agent.desired.lifecycle import Lifecycle
from wgpanel_agent.desired.repair import Repairer
from wgpanel_agent.desired.store import Store
from wgpanel_agent.documents import fingerprint_key, preshared_key_fingerprint
from wgpanel_agent.files.conffile import ConfFiles
from wgpanel_agent.host.system import Machine, boot_id
from wgpanel_agent.host.wireguard import WireGuard
from wgpanel_agent.http import Counters
from wgpanel_agent.keys.key_ring import KeyRing
from wgpanel_agent.reporting.metrics import Metrics
from wgpanel_agent.reporting.reports import StatusReport, WireGuardReport
from wgpanel_agent.reporting.snapshot import Pace, Sampler

PROTOCOL = 1


class Rendered:
    """Bytes made at most once for each version of the snapshot."""

    def __init__(self, render: Callable[[], bytes], version: Callable[[], int]) -> None:
        self._render = render
        self._version = version
        self._made: tuple[int, bytes] | None = None

    def __call__(self) -> bytes:
        version = self._version()
        if self._made is None or self._made[0] != version:
            self._made = (version, self._render())
        return self._made[1]


class Agent:
    """One running agent. Handlers get it whole; each part is usable alone."""

    def __init__(
        self,
        config: Config,
        store: Store | None = None,
        keys: KeyRing | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Without a journal and a key ring on disk, nothing that is desired outlives the process.
        `clock` tells who has expired, in Unix seconds."""
        self.config = config
        self.clock = clock
        self.store = store or Store(None)
        self.keys = keys or KeyRing(config.node_id, config.secret_seq, config.secret)
        self.counters = Counters()
        key = fingerprint_key(config.node_id, config.secret)
        wireguard = WireGuard(
            functools.partial(preshared_key_fingerprint, key), config.wg_timeout_seconds
        )
        self.sampler = Sampler(
            wireguard,
            Machine(proc=config.host_proc, disk=config.disk),
            tuple(dict.fromkeys((*config.interfaces, *self.store.names()))),
            Pace(config.look_seconds, config.active_seconds),
        )
        self.metrics = Metrics(
            self.sampler,
            self.counters,
            peer_metrics=config.peer_metrics,
            legacy=config.legacy_metrics,
        )
        self.sampler.after_look = self.metrics.render_peers
        self.applier = Applier(
            wireguard, self.sampler, observe_seconds=self.metrics.apply_seconds.observe
        )
        self._follow_desired_state(config, wireguard, clock)
        self._started_at = time.monotonic()
        self._boot_id = boot_id()
        self.status_body = Rendered(self._render_status, lambda: self.sampler.version)
        self.metrics_body = Rendered(self.metrics.render, lambda: self.sampler.version)

    def _follow_desired_state(
        self, config: Config, wireguard: WireGuard, clock: Callable[[], float]
    ) -> None:
        listeners = (config.listen, config.metrics_listen)
        self.files = ConfFiles(self.store, clock=clock)
        self.links = Lifecycle(
            self.store,
            wireguard,
            self.files,
            config.state_dir,
            named=config.interfaces,
            ports=[listener[1] for listener in listeners if listener],
            clock=clock,
        )
        convergence = Convergence(
            self.store, self.applier, self.sampler, self.links, self.files, clock=clock
        )
        self.repairer = Repairer(convergence, config.repair_seconds)
        self.desired = Desired(convergence, woken=self.repairer.wake)

    @property
    def uptime(self) -> int:
        """In seconds."""
        return int(time.monotonic() - self._started_at)

    def report(self) -> StatusReport:
        interfaces = self.sampler.interfaces.items()
        return StatusReport(
            status="unhealthy" if self.sampler.problems else "ok",
            timestamp=int(time.time()),
            uptime=self.uptime,
            version=__version__,
            boot_id=self._boot_id,
            protocol=PROTOCOL,
            system=self.sampler.system,
            wireguard=WireGuardReport(
                {name: state.report() for name, state in interfaces}, self.sampler.age()
            ),
        )

    def _render_status(self) -> bytes:
        return json.dumps(self.report().as_json(), separators=(",", ":")).encode()
