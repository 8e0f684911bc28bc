"""`wgpanel-agent doctor`: what this machine lacks, and what to do about each thing.

A check is a pure function of what the probes saw, so that each can be tested without a broken
machine.
"""

import errno
import http.client
import shutil
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wgpanel_agent.config import Address, Config, ConfigError, load
from wgpanel_agent.tls import BadCertificate, client_context, server_context

CAP_NET_ADMIN = 12  # capability(7); its bit in CapEff
SANE_TIME = 1_735_689_600  # 2025-01-01: a clock before it was never set
NTP_MARK = Path("/run/systemd/timesync/synchronized")
HEALTH_ANSWERS = (b'{"status":"ok"}', b'{"status":"unhealthy"}')
FORWARDING = ("ipv4/ip_forward", "ipv6/conf/all/forwarding")


@dataclass(frozen=True, slots=True)
class Probes:
    """What was seen of the machine."""

    programs: frozenset[str] = frozenset()
    kernel_module: bool = False
    capabilities: int = 0
    has_tun: bool = False
    forwarding: Mapping[str, bool] = field(default_factory=dict)
    now: float = 0.0
    is_synchronised: bool | None = None
    config: Config | None = None
    config_problem: str | None = None
    port_problem: str | None = None
    tls_problem: str | None = None
    missing_interfaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's answer; `advice` says what to do. A warning alone does not fail the doctor."""

    name: str
    problem: str | None = None
    advice: str = ""
    is_warning: bool = False

    def __str__(self) -> str:
        if self.problem is None:
            return f"ok       {self.name}"
        kind = "warning" if self.is_warning else "missing"
        return f"{kind}  {self.name}: {self.problem}; {self.advice}"


def check_tools(seen: Probes) -> Finding:
    if "wg" in seen.programs:
        return Finding("wg")
    return Finding("wg", "is not installed", "apt install wireguard-tools")


def check_wireguard(seen: Probes) -> Finding:
    if seen.kernel_module or "wireguard-go" in seen.programs:
        return Finding("wireguard")
    advice = "use a kernel with the wireguard module, or apt install wireguard-go"
    return Finding("wireguard", "neither in the kernel nor in user space", advice)


def check_capability(seen: Probes) -> Finding:
    if seen.capabilities >> CAP_NET_ADMIN & 1:
        return Finding("capability")
    advice = "run as root, or give the service or container CAP_NET_ADMIN"
    return Finding("capability", "CAP_NET_ADMIN is not held", advice)


def check_tun(seen: Probes) -> Finding:
    """Only user-space WireGuard needs it."""
    if seen.has_tun or seen.kernel_module:
        return Finding("tun")
    return Finding("tun", "/dev/net/tun is missing", "modprobe tun, or pass the device in")


def check_forwarding(seen: Probes) -> Finding:
    off = [name for name, is_on in seen.forwarding.items() if not is_on]
    if not off:
        return Finding("forwarding")
    keys = " ".join(f"net.{name.replace('/', '.')}=1" for name in off)
    advice = f"put it into /etc/sysctl.d/ if clients are to reach other networks: {keys}"
    return Finding("forwarding", f"off for {' and '.join(off)}", advice, is_warning=True)


def check_clock(seen: Probes) -> Finding:
    if seen.now < SANE_TIME:
        return Finding("clock", "is years behind", "set it: no request can be verified")
    if seen.is_synchronised is False:
        advice = "run a time service: requests more than 60 s off are refused"
        return Finding("clock", "is not synchronised", advice, is_warning=True)
    return Finding("clock")


def check_config(seen: Probes) -> Finding:
    if seen.config_problem is None:
        return Finding("config")
    return Finding("config", seen.config_problem, "see the README's table of settings")


def check_port(seen: Probes) -> Finding:
    if seen.port_problem is None:
        return Finding("port")
    return Finding("port", seen.port_problem, "stop what holds it, or set listen")


def check_tls(seen: Probes) -> Finding:
    """Without a certificate all is well as long as only this machine can listen in."""
    if seen.tls_problem:
        return Finding("tls", seen.tls_problem, "run wgpanel-agent enrol, or mend the two files")
    if seen.config is None or seen.config.tls or not seen.config.allow_plain_http:
        return Finding("tls")
    advice = "join the panel with wgpanel-agent enrol, or keep to a private network"
    return Finding("tls", "plain HTTP is allowed: others may listen", advice, is_warning=True)


def check_interfaces(seen: Probes) -> Finding:
    if seen.config and not seen.config.interfaces:
        advice = "what the panel makes needs no name; name one to hand it over"
        return Finding("interfaces", "none is named", advice, is_warning=True)
    if not seen.missing_interfaces:
        return Finding("interfaces")
    names = " and ".join(seen.missing_interfaces)
    return Finding("interfaces", f"{names} does not run", f"wg-quick up {names}", is_warning=True)


CHECKS: tuple[Callable[[Probes], Finding], ...] = (
    check_tools,
    check_wireguard,
    check_capability,
    check_tun,
    check_forwarding,
    check_clock,
    check_config,
    check_port,
    check_tls,
    check_interfaces,
)


def diagnose(seen: Probes) -> list[Finding]:
    return [check(seen) for check in CHECKS]


def probe(environment: Mapping[str, str]) -> Probes:
    """Look at this machine; changes nothing."""
    config, problem = _config(environment)
    names = config.interfaces if config else ()
    return Probes(
        programs=frozenset(name for name in ("wg", "wireguard-go") if shutil.which(name)),
        kernel_module=Path("/sys/module/wireguard").exists(),
        capabilities=_capabilities(),
        has_tun=Path("/dev/net/tun").exists(),
        forwarding={name: _is_on(name) for name in FORWARDING},
        now=time.time(),
        is_synchronised=NTP_MARK.exists() if NTP_MARK.parent.exists() else None,
        config=config,
        config_problem=problem,
        port_problem=_port_problem(config) if config else None,
        tls_problem=_tls_problem(config) if config else None,
        missing_interfaces=tuple(sorted(set(names) - {name for _, name in socket.if_nameindex()})),
    )


def _config(environment: Mapping[str, str]) -> tuple[Config | None, str | None]:
    try:
        return load(environment), None
    except ConfigError as error:
        return None, str(error)


def _capabilities() -> int:
    lines = Path("/proc/self/status").read_text("ascii", "replace").splitlines()
    return next((int(line.split()[1], 16) for line in lines if line.startswith("CapEff:")), 0)


def _is_on(name: str) -> bool:
    try:
        return Path("/proc/sys/net", name).read_text("ascii").strip() != "0"
    except OSError:
        return True  # no IPv6 here: nothing to forward


def _port_problem(config: Config) -> str | None:
    """None as well where the port is taken by an agent that runs already."""
    host, port = address = config.listen
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server(address, family=family).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE and _is_agent(
            address, speaks_tls=config.tls is not None
        ):
            return None
        return f"{host}:{port} cannot be had: {error.strerror}"
    return None


def _tls_problem(config: Config) -> str | None:
    try:
        server_context(config.tls) if config.tls else None
    except BadCertificate as error:
        return str(error)
    return None


def _is_agent(address: Address, *, speaks_tls: bool) -> bool:
    connection = http.client.HTTPConnection(*address, timeout=2)
    if speaks_tls:  # our own, or not: either way nothing is told to it
        connection = http.client.HTTPSConnection(*address, timeout=2, context=client_context())
    try:
        connection.request("GET", "/health")
        return connection.getresponse().read() in HEALTH_ANSWERS
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
