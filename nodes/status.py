"""What a report, or the lack of one, says about a node. Pure: no database, no network.

`online` and `degraded` come from a verified report alone. A poll that fails leaves the last verdict
in place and says why; only the deadline in `cadence` turns it into one of two others:

* `offline`: no believable answer; a wrong key, an unsigned answer and a redirect are such failures.
* `identity_mismatch`: something at the address signs, but not with the key of this node: another
  node's agent, another panel's, or a recorded answer. Or it shows another certificate than the
  pinned one, or speaks no TLS where our agent does; then nothing was said to it.
"""

from wgpanel_agent.documents import InterfaceReport, StatusReport

from nodes.calling.exchange import SKEW_WORTH_A_WARNING_MS, describe_skew
from nodes.models import Status

LONGEST_REASON = 300
SNAPSHOT_TOO_OLD_SECONDS = 30
IN_SYNC = (None, "", "in_sync")


def of_report(report: StatusReport, skew_ms: int) -> tuple[Status, str]:
    """Return the status that a verified report stands for, and the reason in words."""
    faults = _faults(report)
    notes = [describe_skew(skew_ms)] if abs(skew_ms) > SKEW_WORTH_A_WARNING_MS else []
    return Status.DEGRADED if faults else Status.ONLINE, reason("; ".join(faults + notes))


def reason(words: str) -> str:
    """Return `words` no longer than the column."""
    return words if len(words) <= LONGEST_REASON else f"{words[: LONGEST_REASON - 1]}…"


def _faults(report: StatusReport) -> list[str]:
    interfaces = report.wireguard.interfaces.items()
    faults = [f"{name} {fault}" for name, it in interfaces if it.managed and (fault := _fault(it))]
    if report.status != "ok" and not faults:
        faults = ["The agent says that it is unhealthy"]
    age = report.wireguard.snapshot_age_seconds
    if age is not None and age > SNAPSHOT_TOO_OLD_SECONDS:
        faults.insert(0, f"The node is busy: its interfaces were last read {age:.0f} s ago")
    return faults


def _fault(interface: InterfaceReport) -> str | None:
    if interface.status != "up":
        return _outage(interface)
    if interface.drift:
        return f"has drifted ({interface.drift} differences)"
    if interface.condition not in IN_SYNC:
        return f"is {interface.condition.replace('_', ' ')}"
    return None


def _outage(interface: InterfaceReport) -> str:
    if interface.status == "error":
        return "cannot be read"
    return "is down" if interface.public_key else "is missing"
