"""What nodes must have, compared with the panel's rows: every reachable one is asked."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from wgpanel_agent.documents import State

from keyring.sealing import SecretLocked
from nodes.calling.exchange import AgentError
from nodes.interfaces import Condition, Interface
from reconcile.checks import checking, drift_schedule
from reconcile.checks.drift import CONF, Item
from reconcile.fsck.invariants import Report, Violation
from reconcile.pushing import answers, asking, outbox

BETWEEN_TRIES_SECONDS = 0.5
MOST_TOLD = 20  # of one interface
OF_SERVERS = ("public_key", "listen_port", "addresses")
Counters = Mapping[str, tuple[int, int, int]]  # by key: last handshake, received, sent


def wait_until_delivered(seconds: float) -> None:
    """Give changes on their way the time that they may take."""
    ends_at = time.monotonic() + seconds
    while outbox.undelivered().filter(node__failures=0).exists() and time.monotonic() < ends_at:
        time.sleep(BETWEEN_TRIES_SECONDS)


def check(report: Report) -> None:
    """Ask for each interface, and add what is found to the report."""
    interfaces = drift_schedule.checkable().select_related("node").order_by("node__name", "name")
    for interface in interfaces:
        name = f"{interface.node.name}/{interface.name}"
        try:
            report.violations += list(_interface(interface, name))[:MOST_TOLD]
        except (AgentError, SecretLocked) as error:
            report.unknown.append(f"{name}: {error}")
        report.interfaces += 1
    for interface in outbox.undelivered().select_related("node").filter(node__failures=0):
        name = f"{interface.node.name}/{interface.name}"
        report.violations.append(Violation("I12", name, _waits(interface)))


def _waits(interface: Interface) -> str:
    behind = interface.desired_generation - interface.observed_generation
    why = f" ({interface.sync_error})" if interface.sync_error else ""
    return f"the node can be reached and is {behind} generations behind{why}."


def _interface(interface: Interface, name: str) -> Iterator[Violation]:
    told = asking.ask(interface)
    if interface.condition == Condition.CONFLICT:
        yield Violation("I12", name, f"waits for an operator: {interface.condition_reason}")
        return
    yield from _state(interface, name, answers.told_state(told))
    before = _counters(interface)
    finding = checking.find(interface)
    if finding.reason:
        raise AgentError("unknown", finding.reason)
    for item in finding.items:
        yield Violation(_invariant(item), name, _sentence(item))
    yield from _resets(name, before, _counters(interface))


def _state(interface: Interface, name: str, state: State | None) -> Iterator[Violation]:
    """The node has what it confirmed, or something of ours that is newer."""
    if state is None:
        yield Violation("I5", name, "the node has no desired state although it confirmed one.")
        return
    wanted = State(str(interface.epoch), interface.desired_generation, interface.desired_hash)
    if (why := answers.contradiction(state, wanted)) is not None:
        yield Violation("I5", name, why)
    elif state.generation < interface.observed_generation:
        observed = interface.observed_generation
        yield Violation("I5", name, f"generation {observed} became {state.generation}.")


def _invariant(item: Item) -> str:
    if item.is_on_disk:
        return "I8"
    if item.kind == "interface":
        return "I6" if item.field in OF_SERVERS else "I1"
    return "I4" if item.kind == "unknown" else "I1"


def _sentence(item: Item) -> str:
    where = "in the file" if item.is_on_disk else "on the interface"
    what = item.public_key or item.field or ""
    if item.kind in ("missing", "unknown"):
        return f"peer {what} is {item.kind} {where}."
    field = (item.field or "").removeprefix(f"{CONF}.")
    return f"{field} of {what} is {item.observed} and should be {item.desired}."


def _counters(interface: Interface) -> Counters:
    peers: list[dict[str, Any]] = asking.ask(interface, "/dump", query="max_age=0")["peers"]
    return {
        it["public_key"]: (it["last_handshake"] or 0, it["rx_bytes"], it["tx_bytes"])
        for it in peers
    }


def _resets(name: str, before: Counters, after: Counters) -> Iterator[Violation]:
    for key in before.keys() & after.keys():
        if any(now < then for then, now in zip(before[key], after[key], strict=True)):
            yield Violation("I7", name, f"the session of peer {key} began anew.")
