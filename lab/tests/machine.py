"""What of a lab is visible on the machine, asked of other programs than the lab itself uses."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

from lab.instance import Instance
from lab.owner import start_ticks


def traces(instance: Instance) -> set[str]:
    """Namespaces, links, mounts and folders that carry the instance's number."""
    links = {path.name for path in Path("/sys/class/net").glob(instance.link("*"))}
    folders = {str(path) for path in Path("/run").glob(f"{instance.name}*")}
    namespaces = {line.split()[0] for line in _lines("ip", "netns", "list")}
    mounts = {line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()}
    ours = {name for name in namespaces | mounts if f"{instance.name}-" in f"{name}-"}
    return links | folders | ours


def processes(instance: Instance) -> set[int]:
    """All that run on the instance's hosts."""
    names = [line.split()[0] for line in _lines("ip", "netns", "list")]
    mine = [name for name in names if name.startswith(f"{instance.name}-")]
    return {int(pid) for name in mine for pid in _lines("ip", "netns", "pids", name)}


def living(pids: Iterable[int]) -> set[int]:
    return {pid for pid in pids if start_ticks(pid) is not None}


def _lines(*words: str) -> list[str]:
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()
