"""The status report: what `GET /v1/status` says and the panel keeps as `health_json`.

The agent renders these types, the panel parses them back. Known fields are checked strictly;
fields that a newer agent adds are left alone. Quantities are bytes, seconds and percent.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self, TypeVar

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


def _object(value: object, field: str = "") -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InvalidDocument(field, "must be an object")
    return value


def _within(field: str, parse: Callable[[object], T], value: object) -> T:
    """Parse a part of the report; its refusals name their fields from the top."""
    try:
        return parse(value)
    except InvalidDocument as error:
        path = f"{field}.{error.field}" if error.field else field
        raise InvalidDocument(path, error.problem) from error


def _optional_part(field: str, parse: Callable[[object], T], value: object) -> T | None:
    return None if value is None else _within(field, parse, value)


def _count(value: object, field: str) -> int:
    return grammar.integer(value, field, 0, LARGEST)


def _counts(given: Mapping[str, Any], names: tuple[str, ...]) -> list[int]:
    """Several at once: a panel reads a thousand reports a second, and most of each is counts."""
    counts: list[int] = []
    for name in names:
        count: Any = given.get(name)
        is_one = type(count) is int and 0 <= count <= LARGEST
        counts.append(count if is_one else _count(count, name))
    return counts


def _number(value: object, field: str, high: float = math.inf) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidDocument(field, "must be a number")
    if not (0 <= value <= high and math.isfinite(value)):
        raise InvalidDocument(field, f"must be a number from 0 to {high:g}")
    return float(value)


def _word(value: object, field: str) -> str:
    if not (
        isinstance(value, str) and len(value) <= 64 and value.isascii() and value.isprintable()
    ):
        raise InvalidDocument(field, "must be at most 64 printable characters")
    return value


def _percent(value: object, field: str) -> float:
    return _number(value, field, 100)


def _flag(value: object, field: str) -> bool:
    if not isinstance(value, bool):
        raise InvalidDocument(field, "must be true or false")
    return value


def _optional(value: object, field: str, parse: Callable[[object, str], T]) -> T | None:
    return None if value is None else parse(value, field)


def _one_of(value: object, field: str, choices: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise InvalidDocument(field, f"must be one of {', '.join(choices)}")
    return value


@dataclass(frozen=True, slots=True)
class Memory:
    total: int
    available: int
    percent: float
    used: int

    @classmethod
    def parse(cls, data: object) -> Self:
        given = _object(data)
        total, available, used = _counts(given, ("total", "available", "used"))
        percent = _percent(given.get("percent"), "percent")
        return cls(total=total, available=available, percent=percent, used=used)


@dataclass(frozen=True, slots=True)
class Disk:
    total: int
    used: int
    free: int
    percent: float

    @classmethod
    def parse(cls, data: object) -> Self:
        given = _object(data)
        total, used, free = _counts(given, ("total", "used", "free"))
        percent = _percent(given.get("percent"), "percent")
        return cls(total=total, used=used, free=free, percent=percent)


@dataclass(frozen=True, slots=True)
class Network:
    """Totals since boot over the node's interfaces, loopback and tunnels left out."""

    bytes_sent: int
    bytes_recv: int
    packets_sent: int
    packets_recv: int

    @classmethod
    def parse(cls, data: object) -> Self:
        return cls(*_counts(_object(data), cls.__slots__))


@dataclass(frozen=True, slots=True)
class SystemReport:
    """None stands for what the node could not measure."""

    cpu_percent: float | None = None
    load: tuple[float, float, float] | None = None
    memory: Memory | None = None
    disk: Disk | None = None
    network: Network | None = None

    @classmethod
    def parse(cls, data: object) -> Self:
        given = _object(data)
        return cls(
            cpu_percent=_optional(given.get("cpu_percent"), "cpu_percent", _percent),
            load=_optional(given.get("load"), "load", _load),
            memory=_optional_part("memory", Memory.parse, given.get("memory")),
            disk=_optional_part("disk", Disk.parse, given.get("disk")),
            network=_optional_part("network", Network.parse, given.get("network")),
        )


def _load(value: object, field: str) -> tuple[float, float, float]:
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise InvalidDocument(field, "must be three numbers")
    one, five, fifteen = (_number(average, field) for average in value)
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
    def parse(cls, data: object) -> Self:
        given = _object(data)
        peers, active, rx, tx = _counts(given, _INTERFACE_COUNTS)
        return cls(
            _one_of(given.get("status"), "status", INTERFACE_STATES),
            _optional(given.get("public_key"), "public_key", grammar.public_key),
            _optional(given.get("listen_port"), "listen_port", grammar.port),
            peers,
            active,
            rx,
            tx,
            _optional(given.get("generation"), "generation", _count),
            _optional(given.get("hash"), "hash", _word),
            _optional(given.get("condition"), "condition", _word),
            _optional(given.get("drift"), "drift", _count),
            _flag(given.get("managed", False), "managed"),
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
    def parse(cls, data: object) -> Self:
        given = _object(data)
        age = given.get("snapshot_age_seconds")
        return cls(
            _within("interfaces", _interfaces, given.get("interfaces")),
            _optional(age, "snapshot_age_seconds", _number),
        )


def _interfaces(data: object) -> dict[str, InterfaceReport]:
    given = _object(data)
    if len(given) > MAX_INTERFACES:
        raise InvalidDocument("", f"must be at most {MAX_INTERFACES}")
    if not all(map(_LINUX_NAME.fullmatch, given)):
        raise InvalidDocument("", "has a name that Linux would refuse")
    return {name: _within(name, InterfaceReport.parse, told) for name, told in given.items()}


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
            system=_within("system", SystemReport.parse, given.get("system")),
            wireguard=_within("wireguard", WireGuardReport.parse, given.get("wireguard")),
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
