"""One delivery to a node: a delta, else the whole document, else a reason why not."""

import datetime as dt
import json
from dataclasses import dataclass, replace
from typing import Any

from wgpanel_agent.documents import Delta, State, WholeDocument, if_match

from nodes.calling.exchange import AgentError
from nodes.interfaces import Condition, Interface
from reconcile import documents
from reconcile.documents import MOST_CHANGES, NotRendered
from reconcile.models import ReconcileRun
from reconcile.pushing import answers, asking, leases, observing
from reconcile.pushing.answers import Meaning, Step
from reconcile.pushing.asking import Deadline
from reconcile.pushing.leases import Lease

MOST_CALLS = 3  # a delta, the whole document on what the node told, and once more confirmed
SECONDS_A_PEER = 0.001  # user-space WireGuard takes 0.3 ms for each new one


class Stopped(Exception):
    """Nothing more can be done now; `meaning` says why, and when there may be more."""

    def __init__(self, meaning: Meaning) -> None:
        super().__init__(meaning.reason)
        self.meaning = meaning


@dataclass(frozen=True, slots=True)
class Attempt:
    """How to tell it: `base` is the state that the node is thought to have, None for none.

    `confirm` is how many removals an operator or the panel's rows account for.
    """

    base: State | None
    is_whole: bool = True
    confirm: int | None = None
    replaces: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent, and the state that the node has once it has done it."""

    state: State
    method: str
    below: str
    body: bytes  # a JSON object


def deliver(interface: Interface, lease: Lease, deadline: Deadline) -> None:
    """Make the node confirm what is desired; raises Stopped."""
    attempt = first_attempt(interface)
    for _ in range(MOST_CALLS):
        message = _message(interface, attempt, lease)
        try:
            answer = asking.tell(
                interface,
                message.method,
                message.below,
                body=message.body,
                if_match=if_match(attempt.base),
                deadline=deadline,
            )
        except AgentError as error:
            attempt = _next(interface, attempt, answers.meaning(error, message.state))
        else:
            _confirm(interface, message.state, answer)
            return
    raise Stopped(_later("The node refused each form of the document."))


def first_attempt(interface: Interface) -> Attempt:
    """A delta where the node has confirmed a state and the changes are few."""
    decisions = interface.reconcile_runs.filter(done_at=None)
    run = decisions.filter(kind=ReconcileRun.Kind.TAKE_OVER).first()
    if run is not None:
        return _taking_over(run)
    base = observed(interface)
    if base is None or interface.condition == Condition.LOST:
        return Attempt(None)
    if decisions.filter(is_whole=True).exists():
        return Attempt(base)
    count = documents.count_changes(interface.pk, base.generation)
    return Attempt(base, is_whole=not 0 < count <= MOST_CHANGES)


def _taking_over(run: ReconcileRun) -> Attempt:
    base = State.parse_etag(run.replaces) if run.replaces else None
    return Attempt(base, confirm=run.confirm_removals or 0, replaces=base.epoch if base else None)


def observed(interface: Interface) -> State | None:
    """The state that the node has confirmed."""
    if not interface.observed_generation or not interface.observed_hash:
        return None
    epoch = str(interface.epoch)
    return State(epoch, interface.observed_generation, interface.observed_hash)


def _message(interface: Interface, attempt: Attempt, lease: Lease) -> Message:
    try:
        if attempt.is_whole or attempt.base is None:
            return _whole(interface, attempt, lease)
        return _delta(interface, attempt, attempt.base)
    except NotRendered as error:
        reason = f"Not rendered, so nothing was sent. {error}"[:300]
        raise Stopped(Meaning(Step.TRY_LATER, Condition.UNKNOWN, reason)) from error


def _whole(interface: Interface, attempt: Attempt, lease: Lease) -> Message:
    reading = documents.whole(interface.pk)
    length = leases.SHORT + dt.timedelta(seconds=SECONDS_A_PEER * len(reading.peers))
    if not lease.extend(length):
        raise Stopped(_later("Somebody else has taken over."))
    document = WholeDocument(
        reading.state,
        reading.interface,
        tuple(reading.peers),
        confirm_removals=_confirmed(interface, attempt),
        replaces_epoch=attempt.replaces,
    )
    return Message(reading.state, "PUT", "", document.text(reading.texts).encode("ascii"))


def _delta(interface: Interface, attempt: Attempt, base: State) -> Message:
    reading = documents.changes(interface.pk, base.generation)
    ordered = documents.ordered_removals(interface.pk, base.generation)
    delta = Delta(
        reading.state.epoch,
        base.generation,
        reading.state.generation,
        reading.state.hash,
        tuple(reading.peers),
        tuple(dict.fromkeys([*reading.removals, *ordered])),
        confirm_removals=_confirmed(interface, attempt),
    )
    body = json.dumps(delta.as_json(), separators=(",", ":")).encode("ascii")
    return Message(reading.state, "POST", "/peers", body)


def _confirmed(interface: Interface, attempt: Attempt) -> int | None:
    """A count that means something; without removals nothing is confirmed."""
    if attempt.confirm is not None:
        return attempt.confirm or None
    return _accounted(interface) or None


def _accounted(interface: Interface) -> int:
    """What the panel took off since the node confirmed; nothing where it never confirmed."""
    since = interface.observed_generation
    return documents.accounted_removals(interface.pk, since) if since else 0


def _confirm(interface: Interface, wanted: State, answer: dict[str, Any]) -> None:
    if answers.told_state(answer) != wanted:
        raise Stopped(_later("The node confirmed another state than it was told."))
    key = answer.get("public_key")
    public_key = key if isinstance(key, str) and len(key) == 44 else None
    observing.confirm(interface.pk, wanted, public_key=public_key)


def _next(interface: Interface, attempt: Attempt, meaning: Meaning) -> Attempt:
    """Another way to tell it; raises Stopped when there is none."""
    if attempt.replaces and meaning.step in (Step.SEND_WHOLE, Step.CONFIRM):
        reason = "The node has changed since the decision about its state."
        raise Stopped(Meaning(Step.ASK, Condition.CONFLICT, reason))
    if meaning.step is Step.SEND_WHOLE:
        return Attempt(meaning.told, confirm=attempt.confirm)
    is_new = meaning.step is Step.CONFIRM and attempt.confirm is None
    if is_new and 0 < meaning.removals <= _accounted(interface):
        return replace(attempt, confirm=meaning.removals)
    raise Stopped(meaning)


def _later(reason: str) -> Meaning:
    return Meaning(Step.TRY_LATER, Condition.PENDING, reason)
