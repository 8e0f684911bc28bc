"""Can a lab run here? If not: in words, why."""

import os
import shutil
import sys
from pathlib import Path

from lab.command import ENVIRONMENT, run
from lab.errors import CommandFailed

PROGRAMS = {
    "ip": "iproute2",
    "wg": "wireguard-tools",
    "wg-quick": "wireguard-tools",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "mount": "mount",
    "ping": "iputils-ping",
}
PROBE = ("unshare", "--net", "--mount", "ip", "link", "add", "name", "wgpl-probe", "type")


def why_not() -> str | None:
    """What is missing for a lab, as a sentence; None if nothing is."""
    return _wrong_machine() or _missing_programs() or _wrong_kernel() or _no_wireguard()


def _wrong_machine() -> str | None:
    if sys.platform != "linux":
        return "the lab needs Linux: it is made of network namespaces"
    if os.geteuid() != 0:
        return "the lab needs root: it makes network namespaces and interfaces"
    return None


def _missing_programs() -> str | None:
    missing = [program for program in PROGRAMS if not _found(program)]
    if not missing:
        return None
    packages = sorted({PROGRAMS[program] for program in missing})
    return f"the lab needs {', '.join(missing)}: apt-get install {' '.join(packages)}"


def _found(program: str) -> bool:
    return shutil.which(program, path=ENVIRONMENT["PATH"]) is not None


def _wrong_kernel() -> str | None:
    if not Path("/proc/net/if_inet6").exists():
        return "the lab needs IPv6, which this kernel has switched off"
    for kind in ("bridge", "veth"):
        if refusal := _refusal(kind):
            return f"the lab cannot make a {kind} in a network namespace here: {refusal}"
    return None


def _refusal(kind: str) -> str | None:
    """What the kernel says against such an interface, tried in a namespace that is gone at once."""
    try:
        run([*PROBE, kind])
    except CommandFailed as error:
        return error.reason
    return None


def _no_wireguard() -> str | None:
    if _refusal("wireguard") is None:
        return None
    if not _found("wireguard-go"):
        return "the kernel has no WireGuard, so the lab needs: apt-get install wireguard-go"
    if not Path("/dev/net/tun").exists():
        return "wireguard-go needs /dev/net/tun, which is missing here"
    return None
