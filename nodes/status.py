"""What a report, or the lack of one, says about a node. Pure: no database, no network.

`online` and `degraded` come from a verified report alone. A poll that fails leaves the last verdict
in place and says why; only the deadline in `cadence` turns it into one of two others:

* `offline`: no believable answer; a wrong key, an unsigned answer and a redirect are such failures.
* `identity_mismatch`: something at the address signs, but not with the key of this node: another
  node's agent, another panel's, or a recorded answer. (A changed TLS pin will belong here.)
"""

from collections.abc import Iterator

from wgpanel_agent.documents import InterfaceReport, StatusReport

from nodes.exchange import SKEW_WORTH_A_WARNING_MS, describe_skew
from nodes.models import Status

LONGEST_REASON = 300
SNAPSHOT_TOO_OLD_SECONDS = 30
IN_SYNC = (None, "", "in_sync")


def of_report(report: StatusReport, skew_ms: int) -> tuple[Status, str]:
    """Return the status that a verified report stands for, and the reason in words."""
    faults = list(_faults(report))
    notes = [describe_skew(skew_ms)] if abs(skew_ms) > SKEW_WORTH_A_WARNING_MS else []
    return Status.DEGRADED if faults else Status.ONLINE, reason("; ".join(faults + notes))


def reason(words: str) -> str:
    """Return `words` no longer than the column."""
    return words if len(words) <= LONGEST_REASON else f"{words[: LONGEST_REASON - 1]}…"


def _faults(report: StatusReport) -> Iterator[str]:
    age = report.wireguard.snapshot_age_seconds
    if age is not None and age > SNAPSHOT_TOO_OLD_SECONDS:
        yield f"The node is busy: its interfaces were last read {age:.0f} s ago"
    named = [fault for fault in map(_fault, *_managed(report)) if fault]
    yield from named
    if report.status != "ok" and not named:
        yield "The agent says that it is unhealthy"


def _managed(report: StatusReport) -> tuple[list[str], list[InterfaceReport]]:
    managed = {name: i for name, i in report.wireguard.interfaces.items() if i.managed}
    return list(managed), list(managed.values())


def _fault(name: str, interface: InterfaceReport) -> str | None:
    if interface.status != "up":
        return f"{name} {_outage(interface)}"
    if interface.drift:
        return f"{name} has drifted ({interface.drift} differences)"
    if interface.condition not in IN_SYNC:
        return f"{name} is {_words(interface.condition)}"
    return None


def _outage(interface: InterfaceReport) -> str:
    if interface.status == "error":
        return "cannot be read"
    return "is down" if interface.public_key else "is missing"


def _words(condition: str | None) -> str:
    return (condition or "").replace("_", " ")
