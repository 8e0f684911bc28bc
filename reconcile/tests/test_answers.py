"""What a refusal means."""

import pytest
from wgpanel_agent.documents import State

from nodes.calling.exchange import AgentError
from reconcile.pushing.answers import Step, contradiction, meaning, told_state

EPOCH = "5ae15bcd-7a9b-4f7c-9f0a-0d0a0f1f2a3b"
OTHER = "9ae15bcd-7a9b-4f7c-9f0a-0d0a0f1f2a3b"
WANTED = State(EPOCH, 7, "a" * 64)


def refusal(status: int, code: str = "", **extra: object) -> AgentError:
    return AgentError(f"http_{status}", "No.", envelope={"error": code, **extra})


def told(generation: int, epoch: str = EPOCH, hash: str = "b" * 64) -> dict[str, object]:
    return {"epoch": epoch, "generation": generation, "hash": hash}


@pytest.mark.parametrize(
    ("error", "step", "condition"),
    [
        (AgentError("timeout", "…"), Step.TRY_LATER, "pending"),
        (AgentError("refused", "…"), Step.TRY_LATER, "pending"),
        (refusal(503, "wireguard_error"), Step.TRY_LATER, "pending"),
        (refusal(429, "too_many"), Step.TRY_LATER, "pending"),
        (AgentError("wrong_key", "…"), Step.WAIT, "pending"),
        (AgentError("identity_mismatch", "…"), Step.WAIT, "pending"),
        (refusal(412, "precondition_failed"), Step.SEND_WHOLE, "pending"),
        (refusal(412, "hash_mismatch", **told(6)), Step.SEND_WHOLE, "pending"),
        (refusal(409, "epoch_mismatch", **told(3, OTHER)), Step.ASK, "conflict"),
        (refusal(412, "precondition_failed", **told(3, OTHER)), Step.ASK, "conflict"),
        (refusal(409, "stale", **told(9)), Step.ASK, "conflict"),
        (refusal(412, "precondition_failed", **told(9)), Step.ASK, "conflict"),
        (refusal(409, "conflict", **told(7)), Step.ASK, "conflict"),
        (refusal(409, "stale"), Step.ASK, "conflict"),
        (refusal(409, "shrink_guard", removals=12), Step.CONFIRM, "unknown"),
        (refusal(409, "interface_down"), Step.TRY_LATER, "incomplete"),
        (refusal(409, "address_taken"), Step.TRY_LATER, "incomplete"),
        (refusal(500, "apply_incomplete"), Step.TRY_LATER, "incomplete"),
        (refusal(507, "disk_full"), Step.TRY_LATER, "incomplete"),
        (refusal(422, "invalid"), Step.WAIT, "unknown"),
        (refusal(422, "hash_mismatch"), Step.WAIT, "unknown"),
        (refusal(403, "not_managed"), Step.WAIT, "unknown"),
        (refusal(404, "not_found"), Step.WAIT, "unknown"),
        (refusal(409, "something new"), Step.WAIT, "unknown"),
    ],
)
def test_each_refusal_has_its_consequence(error, step, condition):
    found = meaning(error, WANTED)
    assert (found.step, found.condition) == (step, condition)


def test_who_wants_to_be_left_alone_says_for_how_long():
    error = AgentError("http_429", "No.", retry_after=20)
    assert meaning(error, WANTED).retry_after == 20


def test_the_state_that_the_node_told_is_handed_on():
    assert meaning(refusal(412, "x", **told(6)), WANTED).told == State(EPOCH, 6, "b" * 64)


@pytest.mark.parametrize("removals", [None, "12", [], 1.5])
def test_removals_that_are_no_number_account_for_nothing(removals):
    assert meaning(refusal(409, "shrink_guard", removals=removals), WANTED).removals == 0


@pytest.mark.parametrize(
    "given", [{}, told(0), told(3, epoch="x"), told(3, hash="short"), dict.fromkeys(told(1))]
)
def test_a_state_that_is_none_is_not_believed(given):
    assert told_state(given) is None


def test_an_older_database_is_named_as_such():
    assert "older than the node" in contradiction(State(EPOCH, 9, "b" * 64), WANTED)


@pytest.mark.parametrize("state", [WANTED, State(EPOCH, 6, "b" * 64)])
def test_an_earlier_state_of_ours_contradicts_nothing(state):
    assert contradiction(state, WANTED) is None
