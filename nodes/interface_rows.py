"""The interfaces of a node: what the panel wants there, beside what its agent reports."""

from collections.abc import Mapping
from dataclasses import dataclass

from wgpanel_agent.documents import InterfaceReport

from nodes.interfaces import Condition
from nodes.models import Interface, Node


@dataclass(frozen=True, slots=True)
class InterfaceRow:
    """`ours` is None for an interface that the panel leaves alone, `told` for one not reported."""

    name: str
    ours: Interface | None
    told: InterfaceReport | None

    @property
    def condition(self) -> Condition | None:
        return Condition(self.ours.condition) if self.ours else None

    @property
    def why(self) -> str:
        """What keeps the node from what is desired; empty if nothing does."""
        return (self.ours.sync_error or self.ours.condition_reason) if self.ours else ""

    @property
    def differences(self) -> int:
        return (self.told.drift or 0) if self.told else 0

    @property
    def peers(self) -> str:
        """How many are active, and how many there are."""
        active = str(self.told.active_peers) if self.told else "–"
        if self.ours:
            return f"{active} / {self.ours.peer_count}"  # type: ignore[attr-defined]  # an annotation
        return f"{active} / {self.told.peer_count}" if self.told else active

    @property
    def public_key(self) -> str:
        """That of the running interface; before it runs, what the node has said of it."""
        return (self.told.public_key if self.told else "") or (
            self.ours.public_key if self.ours else ""
        )

    @property
    def listen_port(self) -> int | None:
        """What it listens on; before it is up, what it shall."""
        return (self.told.listen_port if self.told else None) or (
            self.ours.listen_port if self.ours else None
        )


def rows_of(node: Node, told: Mapping[str, InterfaceReport]) -> list[InterfaceRow]:
    """Ours first, then what the agent may manage, then the others; each kind by name."""
    ours = {row.name: row for row in node.interfaces.present().with_peer_count()}
    rows = [InterfaceRow(name, ours.get(name), told.get(name)) for name in {*ours, *told}]
    return sorted(rows, key=_rank)


def _rank(row: InterfaceRow) -> tuple[bool, bool, str]:
    return row.ours is None, not (row.told and row.told.managed), row.name
