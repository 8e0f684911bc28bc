"""Prometheus text exposition (format 0.0.4), from the snapshot.

Names follow Prometheus' conventions; those of WGDashboard's agent stand beside them unless they
are switched off. Peers are rendered by string formatting: 10,000 of them take a tenth of the time
that a collector of prometheus-client needs. That library only keeps the histogram and process data.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import (
    CollectorRegistry,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from wgpanel_agent import __version__
from wgpanel_agent.http import Counters
from wgpanel_agent.reporting.reports import InterfaceReport, SystemReport
from wgpanel_agent.reporting.snapshot import Sampler
from wgpanel_agent.reporting.states import InterfaceState
from wgpanel_agent.slices import in_slices

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
APPLY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
PEER_LABELS: Mapping[str, Callable[[str], str]] = {
    "full": str,
    "hashed": lambda key: hashlib.sha256(key.encode("ascii")).hexdigest()[:32],
}

Number = int | float
Sample = tuple[Mapping[str, str], Number | None]


def escape(value: str) -> str:
    """A label value: backslash, quote and line feed are the three that need it."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def labels_text(labels: Mapping[str, str]) -> str:
    pairs = ",".join(f'{name}="{escape(value)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def family(name: str, kind: str, about: str, samples: Iterable[Sample]) -> str:
    """One family; a sample without a value is absent, and a family without samples too.

    Integers are printed in full: they parse to the nearest float64, as `4.29e+09` would not.
    """
    lines = [f"{name}{labels_text(of)} {value}\n" for of, value in samples if value is not None]
    head = f"# HELP {name} {about}\n# TYPE {name} {kind}\n"
    return head + "".join(lines) if lines else ""


def gauge(name: str, about: str, value: Number | None) -> str:
    return family(name, "gauge", about, [({}, value)])


SYSTEM_GAUGES: tuple[tuple[str, str, Callable[[SystemReport], Number | None]], ...] = (
    ("cpu_percent", "CPU in use.", lambda it: it.cpu_percent),
    ("memory_used_bytes", "Memory in use.", lambda it: it.memory.used if it.memory else None),
    ("memory_percent", "Memory in use.", lambda it: it.memory.percent if it.memory else None),
    ("disk_used_bytes", "Disk space in use.", lambda it: it.disk.used if it.disk else None),
    ("disk_percent", "Disk space in use.", lambda it: it.disk.percent if it.disk else None),
)


def system_text(system: SystemReport) -> str:
    return "".join(
        [gauge(f"wgpanel_agent_{name}", about, of(system)) for name, about, of in SYSTEM_GAUGES]
    )


INTERFACE_FAMILIES: tuple[tuple[str, str, str, Callable[[InterfaceReport], Number]], ...] = (
    ("interface_up", "gauge", "Whether it runs.", lambda it: int(it.status == "up")),
    ("peers", "gauge", "Peers.", lambda it: it.peer_count),
    ("peers_active", "gauge", "Peers with a recent handshake.", lambda it: it.active_peers),
    (
        "interface_receive_bytes_total",
        "counter",
        "Bytes received from the peers that are there now.",
        lambda it: it.total_rx_bytes,
    ),
    (
        "interface_transmit_bytes_total",
        "counter",
        "Bytes sent to the peers that are there now.",
        lambda it: it.total_tx_bytes,
    ),
)


def interfaces_text(states: Iterable[InterfaceState]) -> str:
    told = [({"interface": state.name}, state.report()) for state in states]
    return gauge("wireguard_interfaces", "WireGuard interfaces.", len(told)) + "".join(
        [
            family(f"wireguard_{name}", kind, about, [(labels, of(it)) for labels, it in told])
            for name, kind, about, of in INTERFACE_FAMILIES
        ]
    )


def conformity_text(states: Iterable[InterfaceState]) -> str:
    """Only of interfaces that have a desired state, or had one that is lost."""
    told = [(state.name, it) for state in states if (it := state.conformity)]
    generations: list[Sample] = []
    for name, it in told:
        desired = it.state.generation if it.state else None
        for kind, generation in (("desired", desired), ("applied", it.applied)):
            generations.append(({"interface": name, "kind": kind}, generation))
    return family(
        "wireguard_interface_generation",
        "gauge",
        "Generation of the desired state, and the one last seen whole on the interface.",
        generations,
    ) + family(
        "wireguard_interface_drift_items",
        "gauge",
        "Differences between what is desired and what runs.",
        [({"interface": name}, len(it.drift)) for name, it in told],
    )


def legacy_text(system: SystemReport, states: Iterable[InterfaceState]) -> str:
    """WGDashboard's names that are not ours as well."""
    return gauge(
        "wgdashboard_agent_cpu_percent", "CPU usage percentage", system.cpu_percent
    ) + family(
        "wireguard_peers_total",
        "gauge",
        "Total number of peers on interface",
        [({"interface": state.name}, len(state.peers)) for state in states],
    )


def counters_text(counters: Counters) -> str:
    requests = sorted(counters.requests.items())
    failures = sorted(counters.auth_failures.items())
    return family(
        "wgpanel_agent_requests_total",
        "counter",
        "Requests answered.",
        [({"route": route, "code": str(code)}, count) for (route, code), count in requests],
    ) + family(
        "wgpanel_agent_auth_failures_total",
        "counter",
        "Requests refused, by reason.",
        [({"reason": reason}, count) for reason, count in failures],
    )


async def peers_text(states: Iterable[InterfaceState], label: Callable[[str], str]) -> str:
    """Three series for each peer of a managed interface; a peer that never shook hands has no
    time of it, so that no rule takes it for old or for new."""
    rx, tx, handshakes = [], [], []
    for state in states:
        interface = escape(state.name)
        async for peer in in_slices(list(state.peers.values())):
            labels = f'{{interface="{interface}",peer="{label(peer.public_key)}"}}'
            rx.append(f"wireguard_peer_receive_bytes_total{labels} {peer.rx_bytes}\n")
            tx.append(f"wireguard_peer_transmit_bytes_total{labels} {peer.tx_bytes}\n")
            if peer.last_handshake is not None:
                handshakes.append(
                    f"wireguard_peer_last_handshake_timestamp_seconds{labels}"
                    f" {peer.last_handshake}\n"
                )
    return "".join(
        (
            _headed("wireguard_peer_receive_bytes_total", "counter", "Bytes received.", rx),
            _headed("wireguard_peer_transmit_bytes_total", "counter", "Bytes sent.", tx),
            _headed(
                "wireguard_peer_last_handshake_timestamp_seconds",
                "gauge",
                "Unix time of the last handshake; absent if there was none.",
                handshakes,
            ),
        )
    )


def _headed(name: str, kind: str, about: str, lines: list[str]) -> str:
    return f"# HELP {name} {about}\n# TYPE {name} {kind}\n" + "".join(lines) if lines else ""


class Metrics:
    """Renders everything; `peer_metrics` is off, hashed or full."""

    def __init__(
        self, sampler: Sampler, counters: Counters, *, peer_metrics: str, legacy: bool
    ) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._sampler = sampler
        self._counters = counters
        self._label = PEER_LABELS.get(peer_metrics)
        self._legacy = legacy
        self._peers = b""
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self.apply_seconds = Histogram(
            "wgpanel_agent_apply_seconds",
            "How long writes to an interface took, read back included.",
            buckets=APPLY_BUCKETS,
            registry=self._registry,
        )

    async def render_peers(self) -> None:
        """Once for each look at the node, if peers are wanted."""
        if self._label:
            self._peers = (await peers_text(self._sampler.managed, self._label)).encode()

    def render(self) -> bytes:
        sampler, states = self._sampler, list(self._sampler.interfaces.values())
        text = "".join(
            (
                family(
                    "wgpanel_agent_info", "gauge", "The agent.", [({"version": __version__}, 1)]
                ),
                system_text(sampler.system),
                gauge("wgpanel_agent_snapshot_age_seconds", "Age of the data.", sampler.age()),
                interfaces_text(states),
                conformity_text(states),
                legacy_text(sampler.system, states) if self._legacy else "",
                counters_text(self._counters),
            )
        )
        return text.encode() + generate_latest(self._registry) + self._peers
