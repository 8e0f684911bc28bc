"""What the refusal of an agent means, and what is to be done about it. Pure.

The codes are those of the agent's API; everything that it says of its state was verified.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from wgpanel_agent.documents import InvalidDocument, State

from nodes.calling.exchange import AgentError
from nodes.interfaces import Condition


class Step(Enum):
    """What to do next."""

    SEND_WHOLE = "send the whole document, on the state that the node told"
    CONFIRM = "confirm the removals, if the panel can account for them"
    ASK = "push nothing more until an operator has chosen"
    TRY_LATER = "try again, each time later"
    WAIT = "wait for an edit or for a long time: the same would be refused again"


@dataclass(frozen=True, slots=True)
class Meaning:
    """`told` is the state of the node where it named one; `removals` what it wants confirmed;
    `retry_after` how many seconds it wants to be left alone."""

    step: Step
    condition: Condition
    reason: str
    told: State | None = None
    removals: int = 0
    retry_after: int = 0


# The agent could be asked nothing, or did not say no: by the code of the AgentError.
UNREACHED = ("timeout", "refused", "unreachable", "bad_answer", "http_429", "http_502", "http_503")
# It could be asked, and would not take our word: only an operator can change that.
NOT_TRUSTED = (
    "unsigned", "wrong_key", "clock_skew", "identity_mismatch", "no_secret", "locked", "bad_url",
    "http_401",
)  # fmt: skip
CONTRADICTIONS = ("epoch_mismatch", "stale", "conflict")
# The node tried, or cannot now; the same document may succeed later.
FAILURES = ("interface_down", "address_taken", "no_private_key", "disk_full", "apply_incomplete")


def meaning(error: AgentError, wanted: State) -> Meaning:
    """What is to be done after a document that leads to `wanted` was refused by `error`."""
    reason = error.sentence[:300]
    if error.code in UNREACHED:
        wait = error.retry_after or 0
        return Meaning(Step.TRY_LATER, Condition.PENDING, reason, retry_after=wait)
    if error.code in NOT_TRUSTED:
        return Meaning(Step.WAIT, Condition.PENDING, reason)
    return _contradicted(error, wanted, reason) or _refused(error, reason)


def _contradicted(error: AgentError, wanted: State, reason: str) -> Meaning | None:
    told = told_state(error.envelope)
    why = contradiction(told, wanted) if told else None
    if why is None and error.envelope.get("error") not in CONTRADICTIONS:
        return None
    return Meaning(Step.ASK, Condition.CONFLICT, why or reason, told)


def _refused(error: AgentError, reason: str) -> Meaning:
    code = error.envelope.get("error")
    if error.code == "http_412":
        told = told_state(error.envelope)
        return Meaning(Step.SEND_WHOLE, Condition.PENDING, reason, told)
    if code == "shrink_guard":
        removals = error.envelope.get("removals")
        count = removals if isinstance(removals, int) else 0
        return Meaning(Step.CONFIRM, Condition.UNKNOWN, reason, removals=count)
    if code in FAILURES or error.code.startswith("http_5"):
        return Meaning(Step.TRY_LATER, Condition.INCOMPLETE, reason)
    return Meaning(Step.WAIT, Condition.UNKNOWN, reason)


def told_state(given: Mapping[str, Any]) -> State | None:
    """The state that the node has; None where it has none, or named none."""
    try:
        return State.parse(given)
    except InvalidDocument:
        return None


def contradiction(told: State, wanted: State) -> str | None:
    """Why the node's state cannot have come from this panel's database; None if it can."""
    if told.epoch != wanted.epoch:
        return "The node follows another panel, or one that was set up anew."
    if told.generation > wanted.generation:
        return (
            f"The node has generation {told.generation}, this panel only {wanted.generation}: "
            "its database is older than the node."
        )
    if told.generation == wanted.generation and told.hash != wanted.hash:
        return f"The node has another generation {told.generation} than this panel."
    return None
