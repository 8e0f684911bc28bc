"""A choice as it is stored and told, and a refusal in words."""

import datetime as dt
import json
import uuid

from nodes.scoring import Load
from selection.decision import Candidate, Decision, NodeRefused, NoNodeAvailable

NODE = uuid.UUID("5ae15bcd-7a9b-4f7c-9f0a-0d0a0f1f2a3b")


def make_candidate(**load) -> Candidate:
    values = {"peers": 40, "max_peers": 100, "weight": 1, "cpu_percent": 85, "memory_percent": 60}
    return Candidate(NODE, "fra1", None, 42, Load(**{**values, **load}))


def test_a_decision_is_json_with_the_parts_of_each_score():
    at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    decision = Decision(NODE, "fra1", "auto", "eu", at, (make_candidate(),))
    told = json.loads(json.dumps(decision.as_json()))
    (candidate,) = told.pop("candidates")
    assert told == {
        "node_id": str(NODE),
        "node": "fra1",
        "strategy": "auto",
        "group": "eu",
        "at": "2026-01-01T00:00:00+00:00",
    }
    parts = {key: candidate[key] for key in ("base", "cpu", "memory", "total")}
    assert parts == {"base": 0.4, "cpu": 0.5, "memory": 0.05, "total": 0.95}
    assert (candidate["peers"], candidate["assigned_peers"], candidate["max_peers"]) == (
        40,
        42,
        100,
    )


def test_figures_are_told_without_noise():
    assert make_candidate(peers=1, max_peers=3).as_json()["base"] == 0.333333


def test_one_more_peer_counts_in_the_load_and_in_the_places():
    more = make_candidate().with_one_more()
    assert (more.load.peers, more.assigned_peers) == (41, 43)


def test_a_refusal_counts_in_words():
    error = NoNodeAvailable({"report_too_old": 2, "full": 1})
    assert str(error) == "No node can take a peer: 2 report too old, 1 full."


def test_a_named_node_is_refused_with_its_reason():
    error = NodeRefused("fra1", "maintenance")
    assert str(error) == "The node fra1 cannot take a peer: in maintenance."
    assert error.exclusions == {"maintenance": 1}
