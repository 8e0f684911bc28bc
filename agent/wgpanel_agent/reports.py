"""The status report: what `GET /v1/status` says and the panel keeps as `health_json`.

The agent renders these types, the panel parses them back. Known fields are checked strictly;
fields that a newer agent adds are left alone. Quantities are bytes, seconds and percent.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self, TypeVar, cast

from wgpanel_agent import grammar
from wgpanel_agent.grammar import InvalidDocument

T = TypeVar("T")

LARGEST = 2**63 - 1
REPORT_STATES = ("ok", "unhealthy")
INTERFACE_STATES = ("up", "down", "error")
MAX_INTERFACES = 256
_INTERFACE_COUNTS = ("peer_count", "active_peers", "total_rx_bytes", "total_tx_bytes")
# What Linux accepts as the name of an interface; one that we do not manage may have any.
_LINUX_NAME = re.compile(r"[^\s/:\x00-\x1f\x7f]{1,15}")
_WORD = re.compile(r"[\x20-\x7e]{0,64}", re.ASCII)


def _object(value: object, path: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InvalidDocument(path, "must be an object")
    return value


def _count(value: object, path: str) -> int:
    return grammar.integer(value, path, 0, LARGEST)


def _counts(given: Mapping[str, Any], path: str, names: tuple[str, ...]) -> list[int]:
    """Several counts at once: the panel reads thousands of reports, and most of each is counts."""
    counts = [given.get(name) for name in names]
    for name, count in zip(names, counts, strict=True):
        if type(count) is not int or not 0 <= count <= LARGEST:
            _count(count, f"{path}.{name}")
    return cast(list[int], counts)


def _number(value: object, path: str, high: float = math.inf) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidDocument(path, "must be a number")
    if not (0 <= value <= high and math.isfinite(value)):
        raise InvalidDocument(path, f"must be a number from 0 to {high:g}")
    return float(value)


def _word(value: object, path: str) -> str:
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise InvalidDocument(path, "must be at most 64 printable characters")
    return value


def _percent(value: object, path: str) -> float:
    return _number(value, path, 100)


def _flag(value: object, path: str) -> bool:
    if not isinstance(value, bool):
        raise InvalidDocument(path, "must be true or false")
    return value


def _optional(value: object, path: str, parse: Callable[[object, str], T]) -> T | None:
    return None if value is None else parse(value, path)


def _one_of(value: object, path: str, choices: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise InvalidDocument(path, f"must be one of {', '.join(choices)}")
    return value


@dataclass(frozen=True, slots=True)
class Memory:
    total: int
    available: int
    percent: float
    used: int

    @classmethod
    def parse(cls, data: object, path: str) -> Self:
        given = _object(data, path)
        total, available, used = _counts(given, path, ("total", "available", "used"))
        percent = _percent(given.get("percent"), f"{path}.percent")
        return cls(total=total, available=available, percent=percent, used=used)


@dataclass(frozen=True, slots=True)
class Disk:
    total: int
    used: int
    free: int
    percent: float

    @classmethod
    def parse(cls, data: object, path: str) -> Self:
        given = _object(data, path)
        total, used, free = _counts(given, path, ("total", "used", "free"))
        percent = _percent(given.get("percent"), f"{path}.percent")
        return cls(total=total, used=used, free=free, percent=percent)


@dataclass(frozen=True, slots=True)
class Network:
    """Totals since boot over the node's interfaces, loopback and tunnels left out."""

    bytes_sent: int
    bytes_recv: int
    packets_sent: int
    packets_recv: int

    @classmethod
    def parse(cls, data: object, path: str) -> Self:
        given = _object(data, path)
        return cls(*_counts(given, path, cls.__slots__))


@dataclass(frozen=True, slots=True)
class SystemReport:
    """None stands for what the node could not measure."""

    cpu_percent: float | None = None
    load: tuple[float, float, float] | None = None
    memory: Memory | None = None
    disk: Disk | None = None
    network: Network | None = None

    @classmethod
    def parse(cls, data: object, path: str = "system") -> Self:
        given = _object(data, path)
        return cls(
            cpu_percent=_optional(given.get("cpu_percent"), f"{path}.cpu_percent", _percent),
            load=_optional(given.get("load"), f"{path}.load", _load),
            memory=_optional(given.get("memory"), f"{path}.memory", Memory.parse),
            disk=_optional(given.get("disk"), f"{path}.disk", Disk.parse),
            network=_optional(given.get("network"), f"{path}.network", Network.parse),
        )


def _load(value: object, path: str) -> tuple[float, float, float]:
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise InvalidDocument(path, "must be three numbers")
    one, five, fifteen = (_number(average, path) for average in value)
    return one, five, fifteen


@dataclass(frozen=True, slots=True)
class InterfaceReport:
    """One WireGuard interface; `generation` to `drift` are None until it has a desired state."""

    status: str
    public_key: str | None = None
    listen_port: int | None = None
    peer_count: int = 0
    active_peers: int = 0
    total_rx_bytes: int = 0
    total_tx_bytes: int = 0
    generation: int | None = None
    hash: str | None = None
    condition: str | None = None
    drift: int | None = None
    managed: bool = False

    @classmethod
    def parse(cls, data: object, path: str) -> Self:
        given = _object(data, path)
        key, port = given.get("public_key"), given.get("listen_port")
        peers, active, rx, tx = _counts(given, path, _INTERFACE_COUNTS)
        return cls(
            status=_one_of(given.get("status"), f"{path}.status", INTERFACE_STATES),
            public_key=_optional(key, f"{path}.public_key", grammar.public_key),
            listen_port=_optional(port, f"{path}.listen_port", grammar.port),
            peer_count=peers,
            active_peers=active,
            total_rx_bytes=rx,
            total_tx_bytes=tx,
            generation=_optional(given.get("generation"), f"{path}.generation", _count),
            hash=_optional(given.get("hash"), f"{path}.hash", _word),
            condition=_optional(given.get("condition"), f"{path}.condition", _word),
            drift=_optional(given.get("drift"), f"{path}.drift", _count),
            managed=_flag(given.get("managed", False), f"{path}.managed"),
        )


@dataclass(frozen=True, slots=True)
class WireGuardReport:
    """`snapshot_age_seconds` is the age of all counts; None until the first look succeeded."""

    interfaces: dict[str, InterfaceReport]
    snapshot_age_seconds: float | None = None

    @property
    def interface_count(self) -> int:
        return len(self.interfaces)

    @classmethod
    def parse(cls, data: object, path: str = "wireguard") -> Self:
        given = _object(data, path)
        interfaces = _object(given.get("interfaces"), f"{path}.interfaces")
        if len(interfaces) > MAX_INTERFACES:
            raise InvalidDocument(f"{path}.interfaces", f"must be at most {MAX_INTERFACES}")
        age = given.get("snapshot_age_seconds")
        return cls(
            {
                _linux_name(name, f"{path}.interfaces"): InterfaceReport.parse(
                    told, f"{path}.interfaces.{name}"
                )
                for name, told in interfaces.items()
            },
            _optional(age, f"{path}.snapshot_age_seconds", _number),
        )


def _linux_name(name: str, path: str) -> str:
    if not _LINUX_NAME.fullmatch(name):
        raise InvalidDocument(path, "has a name that Linux would refuse")
    return name


@dataclass(frozen=True, slots=True)
class StatusReport:
    """`timestamp` is Unix time, `uptime` that of the agent."""

    status: str
    timestamp: int
    uptime: int
    version: str
    boot_id: str
    protocol: int
    system: SystemReport
    wireguard: WireGuardReport

    @classmethod
    def parse(cls, data: object) -> Self:
        given = _object(data, "report")
        return cls(
            status=_one_of(given.get("status"), "status", REPORT_STATES),
            timestamp=_count(given.get("timestamp"), "timestamp"),
            uptime=_count(given.get("uptime"), "uptime"),
            version=_word(given.get("version"), "version"),
            boot_id=_word(given.get("boot_id"), "boot_id"),
            protocol=_count(given.get("protocol"), "protocol"),
            system=SystemReport.parse(given.get("system")),
            wireguard=WireGuardReport.parse(given.get("wireguard")),
        )

    def as_json(self) -> dict[str, Any]:
        """The report with exactly the names that `parse` reads."""
        told = asdict(self)
        told["wireguard"]["interface_count"] = self.wireguard.interface_count
        return told

    @property
    def cpu_percent(self) -> float | None:
        return self.system.cpu_percent

    @property
    def memory_percent(self) -> float | None:
        return None if self.system.memory is None else self.system.memory.percent

    @property
    def disk_percent(self) -> float | None:
        return None if self.system.disk is None else self.system.disk.percent

    @property
    def active_peers(self) -> int:
        """Over the managed interfaces only: the others are none of the panel's business."""
        return sum(i.active_peers for i in self.wireguard.interfaces.values() if i.managed)
