"""Take a lab away, one's own or one that a killed run left behind. Nothing else is ever touched.

Processes are ours if they live in one of our network namespaces, links if both their name and
their alias say so. Only instances that no living process holds are swept.
"""

import os
from contextlib import ExitStack, suppress
from pathlib import Path

from lab.command import run
from lab.instance import PREFIX, RUN, Instance, number_in, try_claim
from lab.namespaces import HELD_NETWORKS
from lab.orphans import bury, kill
from lab.underlay import lab_links, remove_links


def sweep_dead() -> list[Instance]:
    """Remove every lab whose owner is dead; returns those that were found."""
    swept = []
    for number in sorted(leftovers()):
        if claim := try_claim(number):
            with claim:
                sweep(claim.instance)
            swept.append(claim.instance)
    return swept


def leftovers() -> set[int]:
    """Numbers of all instances, alive or dead, of which there is something on the machine."""
    names = [path.name for place in (HELD_NETWORKS, RUN) for path in place.glob(f"{PREFIX}-*")]
    found = {number for name in names if (number := number_in(name)) is not None}
    return found | set(lab_links().values())


def sweep(instance: Instance) -> None:
    """Power everything of this instance off and remove it; fine if there is nothing."""
    kill_members(instance)
    remove_links(instance)
    for namespace in _namespaces(instance):
        run(["ip", "netns", "delete", namespace.name])
    _unmount(instance.directory)


def _namespaces(instance: Instance, host: str = "") -> list[Path]:
    return sorted(HELD_NETWORKS.glob(instance.namespace(host or "*")))


def _unmount(directory: Path) -> None:
    if directory.is_mount():
        run(["umount", "--recursive", str(directory)])
    if directory.exists():
        directory.rmdir()


def kill_members(instance: Instance, host: str = "") -> None:
    """SIGKILL to all that runs on the instance's hosts (or on one), until nothing is left."""
    networks = {(stat.st_dev, stat.st_ino) for stat in map(Path.stat, _namespaces(instance, host))}
    while networks and _kill_once(networks):
        pass  # what was forked meanwhile


def _kill_once(networks: set[tuple[int, int]]) -> bool:
    with ExitStack() as opened:
        handles = [handle for pid in _pids() if (handle := _member(pid, networks)) is not None]
        for handle in handles:
            opened.callback(os.close, handle)
            kill(handle)
        for handle in handles:
            bury(handle)
    return bool(handles)


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _member(pid: int, networks: set[tuple[int, int]]) -> int | None:
    """A pidfd of the process if it lives in one of these network namespaces.

    The handle is opened before the question is asked, so a recycled id can never be hit.
    """
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
        stat = os.stat(f"/proc/{pid}/ns/net")  # the dead have none, some are out of root's reach
        if (stat.st_dev, stat.st_ino) in networks:
            return handle
    os.close(handle)
    return None
