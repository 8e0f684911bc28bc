"""What to do about drift: a plan that is previewed, and then applied by its hash. Pure.

Each difference can be adopted into the panel, reverted on the node, or ignored from now on; what is
not chosen stays as it is, unless the node has to be given the whole document.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import models

from reconcile.checks.drift import CONF, Item

MOST_ONE_BY_ONE = 500  # of a delta; more needs the whole document
INTERRUPTS_ALL = ("listen_port", "public_key", "status")
INTERRUPTS_PEER = ("preshared_key", "allowed_ips")


class Act(models.TextChoices):
    """What an operator can do about a difference."""

    ADOPT = "adopt", "Adopt into the panel"
    REVERT = "revert", "Revert on the node"
    IGNORE = "ignore", "Ignore"


Choices = Mapping[str, Act]  # by the identity of the item


@dataclass(frozen=True, slots=True)
class Flags:
    """The choice for all differences of a kind; settings of interfaces go with mismatched ones."""

    reconcile_missing: bool = True
    reconcile_mismatched: bool = True
    remove_unknown: bool = False

    def choose(self, items: Iterable[Item]) -> dict[str, Act]:
        wanted = {
            "missing": self.reconcile_missing,
            "mismatched": self.reconcile_mismatched,
            "interface": self.reconcile_mismatched,
            "unknown": self.remove_unknown,
        }
        return {item.identity: Act.REVERT for item in items if wanted[item.kind]}


@dataclass(frozen=True, slots=True)
class Step:
    """One act on one difference; `note` says what the operator should know before."""

    act: Act
    item: Item
    note: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done to one interface.

    `also` are differences that nobody chose and that go nevertheless, because the whole document is
    sent. `sessions` is how many live sessions all of it drops.
    """

    interface_id: UUID
    steps: tuple[Step, ...]
    also: tuple[Item, ...] = ()
    is_whole: bool = False
    sessions: int = 0

    def __bool__(self) -> bool:
        return bool(self.steps)

    def as_json(self) -> dict[str, Any]:
        return {
            "interface": str(self.interface_id),
            "steps": [
                {"act": str(it.act), "item": it.item.as_json(), "note": it.note}
                for it in self.steps
            ],
            "also": [item.as_json() for item in self.also],
            "is_whole": self.is_whole,
            "sessions": self.sessions,
        }

    @property
    def hash(self) -> str:
        """Stays the same while all that the preview shows does."""
        text = json.dumps(self.as_json(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def items(self, act: Act) -> list[Item]:
        return [step.item for step in self.steps if step.act == act]


def make(
    interface_id: UUID,
    items: Sequence[Item],
    choices: Choices,
    *,
    live: Iterable[str] = (),
    live_count: int = 0,
) -> Plan:
    """Plan the chosen acts; `live` are keys with a session, `live_count` all sessions."""
    steps = tuple(
        Step(choices[item.identity], item, _note(choices[item.identity], item))
        for item in items
        if item.identity in choices
    )
    reverted = [step.item for step in steps if step.act == Act.REVERT]
    is_whole = _needs_whole(reverted)
    also = tuple(it for it in items if it.identity not in choices) if is_whole else ()
    dropped = _dropped([*reverted, *also], steps, set(live))
    interrupts_all = any(_interrupts_all(item) for item in (*reverted, *also))
    sessions = live_count if interrupts_all else len(dropped)
    return Plan(interface_id, steps, also, is_whole, sessions)


def _needs_whole(reverted: Sequence[Item]) -> bool:
    by_peer = [item for item in reverted if item.kind != "interface" and not item.is_on_disk]
    keys = {item.public_key for item in by_peer}
    return len(by_peer) < len(reverted) or len(keys) > MOST_ONE_BY_ONE


def _dropped(reverted: Iterable[Item], steps: Iterable[Step], live: set[str]) -> set[str]:
    keys = {it.public_key for it in reverted if not it.is_on_disk and _interrupts_peer(it)}
    keys |= {it.item.public_key for it in steps if it.act == Act.ADOPT and _loses_key(it.item)}
    return {key for key in keys if key in live and key is not None}


def _interrupts_peer(item: Item) -> bool:
    return item.kind == "unknown" or item.field in INTERRUPTS_PEER


def _interrupts_all(item: Item) -> bool:
    return item.kind == "interface" and item.field in INTERRUPTS_ALL


def _loses_key(item: Item) -> bool:
    """The panel cannot know the preshared key of a peer that it did not make."""
    observed = item.observed if isinstance(item.observed, dict) else {}
    return item.kind == "unknown" and observed.get("preshared_key") is not None


def _note(act: Act, item: Item) -> str:
    if act == Act.ADOPT and _loses_key(item):
        return "Only the node knows its preshared key: its client needs a new file."
    if act == Act.ADOPT and item.kind == "missing":
        return "The peer is disabled."
    if act == Act.REVERT and item.field == CONF and item.kind == "interface":
        return "The node writes the file anew."
    return ""
