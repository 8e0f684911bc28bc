"""What a lab writes about itself into its folder: owner.json while it lives, fleet.json when ready.

Both are removed when the lab ends, so their presence means something.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.errors import LabError
from lab.instance import Instance
from lab.owner import Owner
from lab.wireguard import INTERFACE

if TYPE_CHECKING:
    from lab.fleet import Fleet


class Record:
    """The two files of one folder."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._owner = directory / "owner.json"
        self._fleet = directory / "fleet.json"

    @contextmanager
    def opened(self, instance: Instance) -> Iterator[None]:
        """The folder is ours; raises LabError while another living process has it."""
        if (owner := self.owner()) and owner.is_alive:
            raise LabError(f"process {owner.pid} already runs a lab in {self._directory}")
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._fleet.unlink(missing_ok=True)
        _write(self._owner, {"instance": instance.number, **asdict(Owner.current())})
        try:
            yield
        finally:
            self._fleet.unlink(missing_ok=True)
            self._owner.unlink(missing_ok=True)

    def owner(self) -> Owner | None:
        """Who runs or ran a lab here; it may be dead."""
        written = _read(self._owner)
        return Owner(written["pid"], written["started_ticks"]) if written else None

    def fleet(self) -> dict[str, Any] | None:
        """What `write` wrote, if a lab is up here."""
        owner = self.owner()
        return _read(self._fleet) if owner and owner.is_alive else None

    def write(self, instance: Instance, fleet: Fleet) -> None:
        """The lab is up: what a panel needs to know of it, secrets included (mode 0600)."""
        _write(self._fleet, {"instance": instance.number, **describe(fleet)})


def describe(fleet: Fleet) -> dict[str, Any]:
    """Nodes and clients as plain values."""
    nodes = [
        {
            "name": node.name,
            "host": node.host.name,
            "group": node.plan.group,
            "id": node.identity.node_id,
            "secret": node.identity.secret,
            "address": node.host.address4,
            "url": node.agent.url,
            "interface": INTERFACE,
            "public_key": node.public_key,
            "endpoint": node.endpoint(),
            "pools": [str(node.plan.pool4), str(node.plan.pool6)],
        }
        for node in fleet.nodes
    ]
    clients = [
        {"host": client.host.name, "node": client.node.name, "public_key": client.public_key}
        for client in fleet.clients
    ]
    return {"nodes": nodes, "clients": clients}


def _write(file: Path, values: dict[str, Any]) -> None:
    """Whole or not at all: a reader may come at any time."""
    draft = file.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(values, indent=1) + "\n")
    os.replace(draft, file)


def _read(file: Path) -> dict[str, Any] | None:
    try:
        return json.loads(file.read_text())
    except FileNotFoundError:
        return None
