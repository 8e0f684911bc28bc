"""Drift is reconciled, and conflicts are settled, through the REST API."""

import json

import pytest
from rest_framework.test import APIClient

from accounts.tests.builders import make_staff
from nodes.models import Node
from nodes.tests.builders import make_group, make_node
from peers.models import Peer
from peers.tests.builders import make_interface
from reconcile.checks import checking
from reconcile.models import Drift, ReconcileRun
from reconcile.tests.builders import fresh
from reconcile.tests.pushing import make_in_sync, push
from reconcile.tests.test_applying import run_instead, stranger
from reconcile.tests.test_conflicts import make_conflict

pytestmark = pytest.mark.django_db
NOBODY = "0f8fad5b-d9cb-469f-a165-70867728950e"


def send(api, path, **body):
    return api.post(f"/api/v1/{path}", json.dumps(body), content_type="application/json")


def make_drifted(agent, **instead):
    """Return an interface whose node lacks a peer and has one too many."""
    interface = make_in_sync(agent)
    run_instead(agent, **{"drop": 1, "add": [stranger()], **instead})
    checking.check(interface)
    return interface


def kinds(plan) -> list[str]:
    return sorted(step["item"]["kind"] for step in plan["steps"])


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({}, ["missing"]),
        ({"remove_unknown": True}, ["missing", "unknown"]),
        ({"reconcile_missing": False, "remove_unknown": True}, ["unknown"]),
        ({"reconcile_mismatched": False}, ["missing"]),
    ],
)
def test_a_preview_of_a_node_says_what_would_be_done_and_does_nothing(api, agent, flags, expected):
    interface = make_drifted(agent)
    answer = send(api, f"nodes/{interface.node_id}/reconcile/", **flags)
    told = answer.json()
    assert (answer.status_code, told["applied"], told["runs"]) == (200, False, [])
    assert [kinds(plan) for plan in told["plans"]] == [expected]
    assert (fresh(interface).desired_generation, ReconcileRun.objects.count()) == (2, 0)


def test_what_was_previewed_is_done(api, user, agent):
    interface = make_drifted(agent)
    path = f"nodes/{interface.node_id}/reconcile/"
    preview = send(api, path, remove_unknown=True).json()
    answer = send(api, path, remove_unknown=True, plan=preview["plan"])
    (run,) = answer.json()["runs"]
    assert (answer.status_code, run["interface"]) == (202, str(interface.pk))
    assert ReconcileRun.objects.get().started_by == user
    assert push(interface).condition == "in_sync"
    _, body, _ = agent.heard[-1]
    assert (len(body["upsert"]), len(body["remove"])) == (1, 1)


def test_a_plan_that_is_not_what_was_previewed_is_not_done(api, agent):
    interface = make_drifted(agent)
    path = f"nodes/{interface.node_id}/reconcile/"
    plan = send(api, path).json()["plan"]
    answer = send(api, path, remove_unknown=True, plan=plan)
    assert (answer.status_code, answer.json()["error"]) == (409, "plan_changed")
    assert not ReconcileRun.objects.exists()


def test_a_group_is_reconciled_and_other_nodes_are_left_alone(api, agent):
    interface, group = make_drifted(agent), make_group()
    path = f"groups/{group.pk}/reconcile/"
    assert send(api, path).json()["plans"] == []
    Node.objects.update(group=group)
    told = send(api, path).json()
    assert [plan["interface"] for plan in told["plans"]] == [str(interface.pk)]
    assert send(api, path, plan=told["plan"]).json()["applied"] is True


def test_an_interface_of_which_nothing_is_known_says_why(api):
    interface = make_interface()
    told = send(api, f"nodes/{interface.node_id}/reconcile/").json()
    assert told["unknown"] == {str(interface.pk): "The interface has not been checked yet."}
    answer = send(api, f"interfaces/{interface.pk}/reconcile/")
    assert (answer.status_code, answer.json()["error"]) == (409, "nothing_known")


def test_each_difference_has_its_own_choice(api, agent):
    interface = make_drifted(agent)
    path = f"interfaces/{interface.pk}/"
    ids = {it["kind"]: it["id"] for it in api.get(f"/api/v1/{path}drift/").json()["items"]}
    choices = {ids["missing"]: "ignore", ids["unknown"]: "adopt"}
    preview = send(api, f"{path}reconcile/", choices=choices).json()
    assert kinds(preview["plans"][0]) == ["missing", "unknown"]
    answer = send(api, f"{path}reconcile/", choices=choices, plan=preview["plan"])
    assert answer.status_code == 202, answer.content
    assert Peer.objects.existing().count() == 4
    assert Drift.objects.get().ignored == [ids["missing"]]


def test_a_peer_that_the_panel_cannot_have_is_not_adopted(api, agent):
    interface = make_drifted(agent, add=[stranger("10.20.0.2/32")])
    path = f"interfaces/{interface.pk}/"
    (item,) = [it for it in Drift.objects.get().items if it["kind"] == "unknown"]
    listed = api.get(f"/api/v1/{path}drift/").json()["items"]
    chosen = next(it["id"] for it in listed if it["public_key"] == item["public_key"])
    choices = {chosen: "adopt"}
    plan = send(api, f"{path}reconcile/", choices=choices).json()["plan"]
    answer = send(api, f"{path}reconcile/", choices=choices, plan=plan)
    assert (answer.status_code, answer.json()["error"]) == (409, "not_adoptable")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"remove_unknown": "x"}, "remove_unknown"),
        ({"reconcile_missing": None}, "reconcile_missing"),
        ({"plan": "x" * 65}, "plan"), ({"plan": None}, "plan"), ({"plan": []}, "plan"),
    ],
)  # fmt: skip
def test_flags_that_cannot_be_used_are_refused_and_the_field_named(api, body, field):
    answer = send(api, f"nodes/{make_interface().node_id}/reconcile/", **body)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])


@pytest.mark.parametrize("choices", [{}, {"x": "explode"}, [], "x", {"x": None}])
def test_choices_that_cannot_be_used_are_refused(api, choices):
    answer = send(api, f"interfaces/{make_interface().pk}/reconcile/", choices=choices)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["choices"])


@pytest.mark.parametrize(
    "path", ["nodes/{}/reconcile/", "groups/{}/reconcile/", "interfaces/{}/reconcile/"]
)
def test_what_is_not_there_is_not_reconciled(api, path):
    assert send(api, path.format(NOBODY)).status_code == 404


# --- conflicts ----------------------------------------------------------------------------------


def conflict(interface) -> str:
    return f"interfaces/{interface.pk}/conflict/"


@pytest.mark.parametrize(("choose", "left"), [("panel", 4), ("node", 19)])
def test_an_operator_chooses_whose_state_holds(api, agent, choose, left):
    interface = make_conflict(agent, preshared_key=None)
    seen = api.get(f"/api/v1/{conflict(interface)}").json()
    assert (len(seen["removals"]), seen["keyless"], seen["generation"]) == (15, [], 3)
    answer = send(api, conflict(interface), choose=choose, seen=seen["seen"])
    assert answer.status_code == 202, answer.content
    assert push(interface).condition == "in_sync"
    assert Peer.objects.existing().count() == left


def test_a_conflict_is_not_settled_by_what_was_seen_before(api, agent):
    interface = make_conflict(agent)
    answer = send(api, conflict(interface), choose="panel", seen="0" * 64)
    assert (answer.status_code, answer.json()["error"]) == (409, "plan_changed")
    assert fresh(interface).condition == "conflict"


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_node_that_does_not_answer_is_no_fault_of_the_panel(api, method):
    interface = make_interface(node=make_node(agent_url="http://127.0.0.1:1"))
    body = {"choose": "panel", "seen": "x"} if method == "post" else {}
    answer = getattr(api, method)(f"/api/v1/{conflict(interface)}", body)
    assert (answer.status_code, answer.json()["error"]) == (409, "node_failed")


@pytest.mark.parametrize(
    ("body", "field"),
    [({"seen": "x"}, "choose"), ({"choose": "panel"}, "seen"),
     ({"choose": "me", "seen": "x"}, "choose"), ({"choose": "node", "seen": "x" * 65}, "seen")],
)  # fmt: skip
def test_a_choice_names_a_side_and_what_was_seen(api, body, field):
    answer = send(api, conflict(make_interface()), **body)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])


@pytest.mark.parametrize("path", ["interfaces/{i}/reconcile/", "interfaces/{i}/conflict/",
                                  "nodes/{n}/reconcile/"])  # fmt: skip
def test_changing_drift_or_interfaces_is_no_right_to_reconcile(path):
    interface = make_interface()
    client = APIClient()
    client.force_authenticate(make_staff("reconcile.change_drift", "nodes.change_interface"))
    answer = send(client, path.format(i=interface.pk, n=interface.node_id))
    assert answer.status_code == 403
