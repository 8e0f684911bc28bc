"""The status report: what `GET /v1/status` says and the panel keeps as `health_json`.

The agent renders these types, the panel parses them back. Known fields are checked strictly;
fields that a newer agent adds are left alone. Quantities are bytes, seconds and percent.
Named tuples: a frozen dataclass takes as long to make as its fields to check.
"""

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Self, TypeVar

from wgpanel_agent import grammar
from wgpanel_agent.grammar import InvalidDocument

T = TypeVar("T")

Told = Mapping[str, Any]

LARGEST = 2**63 - 1
LARGEST_FLOAT = sys.float_info.max
REPORT_STATES = ("ok", "unhealthy")
INTERFACE_STATES = ("up", "down", "error")
MAX_INTERFACES = 256
# What Linux accepts as the name of an interface; one that we do not manage may have any.
_LINUX_NAME = re.compile(r"[^\s/:\x00-\x1f\x7f]{1,15}")


def _object(value: object, field: str = "") -> Told:
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


def _plain(value: Any) -> Any:
    """The same in JSON's own types: a named tuple is an object there."""
    if hasattr(value, "_asdict"):
        return _plain(value._asdict())
    return {key: _plain(it) for key, it in value.items()} if isinstance(value, dict) else value


def _check_counts(given: Told, names: Iterable[str], *, optional: bool = False) -> None:
    """Several at once: a panel reads a thousand reports a second, and most of each is counts."""
    for name in names:
        count = given.get(name)
        is_one = type(count) is int and 0 <= count <= LARGEST
        if not (is_one or (optional and count is None)):
            raise InvalidDocument(name, f"must be an integer from 0 to {LARGEST}")


def _check_words(given: Told, names: Iterable[str], *, optional: bool = False) -> None:
    for name in names:
        word = given.get(name)
        is_one = type(word) is str and len(word) <= 64 and word.isascii() and word.isprintable()
        if not (is_one or (optional and word is None)):
            raise InvalidDocument(name, "must be at most 64 printable characters")


def _check_choice(given: Told, name: str, choices: tuple[str, ...]) -> None:
    if given.get(name) not in choices:
        raise InvalidDocument(name, f"must be one of {', '.join(choices)}")


def _number(value: Any, field: str, high: float = LARGEST_FLOAT) -> float:
    """Infinity and NaN are within no bounds."""
    if type(value) not in (float, int) or not 0 <= value <= high:
        raise InvalidDocument(field, f"must be a number from 0 to {high:g}")
    return float(value)


def _percent(value: object, field: str = "percent") -> float:
    return _number(value, field, 100)


def _optional(value: object, field: str, parse: Callable[[object, str], T]) -> T | None:
    return None if value is None else parse(value, field)


class Memory(NamedTuple):
    total: int
    available: int
    percent: float
    used: int

    @classmethod
    def parse(cls, data: object) -> Self:
        given = _object(data)
        _check_counts(given, ("total", "available", "used"))
        return cls(
            given["total"], given["available"], _percent(given.get("percent")), given["used"]
        )


class Disk(NamedTuple):
    total: int
    used: int
    free: int
    percent: float

    @classmethod
    def parse(cls, data: object) -> Self:
        given = _object(data)
        _check_counts(given, ("total", "used", "free"))
        return cls(given["total"], given["used"], given["free"], _percent(given.get("percent")))


class Network(NamedTuple):
    """Totals since boot over the node's interfaces, loopback and tunnels left out."""

    bytes_sent: int
    bytes_recv: int
    packets_sent: int
    packets_recv: int

    @classmethod
    def parse(cls, data: object) -> Self:
        given = _object(data)
        _check_counts(given, cls._fields)
        return cls._make(map(given.__getitem__, cls._fields))


class SystemReport(NamedTuple):
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
    one, five, fifteen = value
    return _number(one, field), _number(five, field), _number(fifteen, field)


class InterfaceReport(NamedTuple):
    """One WireGuard interface; `epoch` to `drift` are None until it has a desired state.

    `condition` is in_sync, drifted, incomplete or lost; `drift` the number of differences.
    """

    status: str
    public_key: str | None = None
    listen_port: int | None = None
    peer_count: int = 0
    active_peers: int = 0
    total_rx_bytes: int = 0
    total_tx_bytes: int = 0
    epoch: str | None = None
    generation: int | None = None
    hash: str | None = None
    condition: str | None = None
    drift: int | None = None
    managed: bool = False

    @classmethod
    def parse(cls, data: object) -> Self:
        given = _object(data)
        _check_choice(given, "status", INTERFACE_STATES)
        _check_counts(given, ("peer_count", "active_peers", "total_rx_bytes", "total_tx_bytes"))
        _check_counts(given, ("generation", "drift"), optional=True)
        _check_words(given, ("epoch", "hash", "condition"), optional=True)
        _optional(given.get("public_key"), "public_key", grammar.public_key)
        _optional(given.get("listen_port"), "listen_port", grammar.port)
        managed = given.get("managed", False)
        if type(managed) is not bool:
            raise InvalidDocument("managed", "must be true or false")
        return cls._make((*map(given.get, _ALL_BUT_MANAGED), managed))


_ALL_BUT_MANAGED = InterfaceReport._fields[:-1]


class WireGuardReport(NamedTuple):
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


class StatusReport(NamedTuple):
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
        _check_choice(given, "status", REPORT_STATES)
        _check_counts(given, ("timestamp", "uptime", "protocol"))
        _check_words(given, ("version", "boot_id"))
        system = _within("system", SystemReport.parse, given.get("system"))
        wireguard = _within("wireguard", WireGuardReport.parse, given.get("wireguard"))
        return cls._make((*map(given.__getitem__, cls._fields[:-2]), system, wireguard))

    def as_json(self) -> dict[str, Any]:
        """The report with exactly the names that `parse` reads."""
        told: dict[str, Any] = _plain(self)
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
