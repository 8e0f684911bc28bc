"""All settings, from the environment (WGPANEL_AGENT_…) or /etc/wgpanel-agent/agent.toml.

The environment wins. Whatever is missing, unknown or out of range keeps the agent from starting.
"""

import ipaddress
import math
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wgpanel_agent.grammar import InvalidDocument, interface_name
from wgpanel_agent.keys.secretfile import BadSecret, close_handed_down, read_secret
from wgpanel_agent.protocol import NODE_ID
from wgpanel_agent.tls import BadCertificate, Identity, find

PREFIX = "WGPANEL_AGENT_"
CONFIG_VARIABLE = f"{PREFIX}CONFIG"
DEFAULT_FILE = Path("/etc/wgpanel-agent/agent.toml")
DEFAULT_STATE_DIR = Path("/var/lib/wgpanel-agent")
# RFC 2544: a network for benchmarks, never routed. The lab lives there.
LAB_NETWORK = ipaddress.ip_network("198.18.0.0/15")

Address = tuple[str, int]


class ConfigError(Exception):
    """One line: which setting, what is wrong with it, what to do."""


@dataclass(frozen=True, slots=True)
class Config:
    """Settings after every check. Field names are the names of the settings."""

    node_id: str
    secret: bytes = field(repr=False)
    secret_seq: int = 1
    listen: Address = ("127.0.0.1", 8080)
    tls: Identity | None = None
    allow_plain_http: bool = False
    metrics_listen: Address | None = None
    metrics_token: str | None = field(default=None, repr=False)
    interfaces: tuple[str, ...] = ()
    state_dir: Path = DEFAULT_STATE_DIR
    look_seconds: float = 5.0
    repair_seconds: float = 10.0
    active_seconds: float = 180.0
    wg_timeout_seconds: float = 5.0
    peer_metrics: str = "off"
    legacy_metrics: bool = True
    allow_routes: bool = False
    requests_per_second: float = 50.0
    health_per_second: float = 100.0
    metrics_per_second: float = 2.0
    host_proc: str = "/proc"
    disk: str = "/"
    log_level: str = "info"


def _text(pattern: str, what: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if not re.fullmatch(pattern, value, re.ASCII):
            raise ValueError(f"must be {what}")
        return value

    return parse


def _number(low: float, high: float) -> Callable[[str], float]:
    def parse(value: str) -> float:
        number = float(value) if re.fullmatch(r"[0-9]+(\.[0-9]+)?", value, re.ASCII) else math.nan
        if not low <= number <= high:
            raise ValueError(f"must be a number from {low:g} to {high:g}")
        return number

    return parse


def _whole(low: int, high: int) -> Callable[[str], int]:
    return lambda value: int(_number(low, high)(_text(r"[0-9]+", "a whole number")(value)))


def _flag(value: str) -> bool:
    if value not in ("true", "false"):
        raise ValueError("must be true or false")
    return value == "true"


def _choice(*choices: str) -> Callable[[str], str]:
    return _text("|".join(choices), f"one of {', '.join(choices)}")


def _address(value: str) -> Address:
    host, _, port = value.rpartition(":")
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        raise ValueError("must be an address and a port, like 127.0.0.1:8080") from None
    return str(address), _whole(1, 65535)(port)


def _interfaces(value: str) -> tuple[str, ...]:
    try:
        return tuple(interface_name(name) for name in value.replace(",", " ").split())
    except InvalidDocument as error:
        raise ValueError(f"must be names like wg0: one {error.problem}") from error


def _folder(value: str) -> str:
    return _text(r"/[^\x00-\x1f]*", "an absolute path")(value)


# Each setting is read by one parser, from the same text in both places.
SETTINGS: Mapping[str, Callable[[str], Any]] = {
    "node_id": _text(NODE_ID, "the node's id in the panel"),
    "secret_file": lambda value: Path(_folder(value)),
    "secret_seq": _whole(0, 999_999),
    "listen": _address,
    "tls_certificate_file": lambda value: Path(_folder(value)),
    "tls_key_file": lambda value: Path(_folder(value)),
    "allow_plain_http": _flag,
    "metrics_listen": _address,
    "metrics_token_file": lambda value: Path(_folder(value)),
    "interfaces": _interfaces,
    "state_dir": lambda value: Path(_folder(value)),
    "look_seconds": _number(0.1, 60),
    "repair_seconds": _number(0.1, 3600),
    "active_seconds": _number(1, 86_400),
    "wg_timeout_seconds": _number(0.1, 60),
    "peer_metrics": _choice("off", "hashed", "full"),
    "legacy_metrics": _flag,
    "allow_routes": _flag,
    "requests_per_second": _number(1, 1e6),
    "health_per_second": _number(1, 1e6),
    "metrics_per_second": _number(0.1, 1e6),
    "host_proc": _folder,
    "disk": _folder,
    "log_level": _choice("debug", "info", "warning", "error"),
}
DEFAULT_SECRET_FILE = Path("/etc/wgpanel-agent/secret")


def load(environment: Mapping[str, str]) -> Config:
    """Raises ConfigError."""
    named = environment.get(CONFIG_VARIABLE)
    file = Path(named) if named else DEFAULT_FILE
    values = _parsed(_from_file(file, must_exist=named is not None), str(file))
    values |= _parsed(_from_environment(environment), "the environment")
    if "node_id" not in values:
        raise ConfigError(f"{PREFIX}NODE_ID is missing: the panel shows it on the node's page")
    values["secret"] = _secret(values.pop("secret_file", DEFAULT_SECRET_FILE))
    if "metrics_token_file" in values:
        values["metrics_token"] = _token(values.pop("metrics_token_file"))
    values["tls"] = _identity(values)
    config = Config(**values)
    _refuse_plain_http(config)
    return config


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(PREFIX) and name != CONFIG_VARIABLE
    }


def _from_file(path: Path, *, must_exist: bool) -> dict[str, str]:
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        if must_exist:
            raise ConfigError(f"{CONFIG_VARIABLE} names {path}, which does not exist") from error
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    return {name: _as_text(value) for name, value in table.items()}


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _parsed(values: Mapping[str, str], source: str) -> dict[str, Any]:
    """An empty value leaves the default."""
    parsed: dict[str, Any] = {}
    for name, value in values.items():
        if name not in SETTINGS:
            raise ConfigError(f"{source} sets {name}, which is not a setting of this version")
        try:
            parsed |= {name: SETTINGS[name](value)} if value else {}
        except ValueError as error:
            raise ConfigError(f"{name} in {source} {error}") from error
    return parsed


def _secret(path: Path) -> bytes:
    try:
        return read_secret(path)
    except BadSecret as error:
        raise ConfigError(str(error)) from error
    finally:
        close_handed_down(path)


def _identity(values: dict[str, Any]) -> Identity | None:
    named = values.pop("tls_certificate_file", None), values.pop("tls_key_file", None)
    try:
        return find(values.get("state_dir", DEFAULT_STATE_DIR), *named)
    except BadCertificate as error:
        raise ConfigError(str(error)) from error


def _token(path: Path) -> str:
    token = _secret(path)
    if not re.fullmatch(rb"[A-Za-z0-9._~+/=-]+", token):  # RFC 6750 section 2.1
        raise ConfigError(f"the token in {path} has other letters than a bearer token may have")
    return token.decode("ascii")


def _refuse_plain_http(config: Config) -> None:
    """There is no TLS before the node has joined a panel; metrics stay plain on a private net."""
    if config.allow_plain_http:
        return
    api = ipaddress.ip_address(config.listen[0])
    if not (config.tls or api.is_loopback or api in LAB_NETWORK):
        raise _too_open("listen", api)
    if not config.metrics_listen:
        return
    metrics = ipaddress.ip_address(config.metrics_listen[0])
    if metrics.is_unspecified or not (metrics.is_private or metrics.is_loopback):
        raise _too_open("metrics_listen", metrics)


def _too_open(name: str, address: object) -> ConfigError:
    return ConfigError(
        f"{name} is {address}, where plain HTTP can be read by others: listen on 127.0.0.1, or set"
        " allow_plain_http = true if only a private network or a tunnel leads there"
    )


def setting_names() -> list[str]:
    """As environment variables, in the order of the documentation."""
    return [f"{PREFIX}{name.upper()}" for name in SETTINGS]
