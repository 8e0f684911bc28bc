"""Every route of the REST API, asked by everybody: who may what. A route without a row fails."""

import json
import secrets
from itertools import product

import pytest
from django.urls import URLPattern, get_resolver
from rest_framework.test import APIClient
from wgpanel_agent.proof import new_token

from accounts.tests.builders import make_admin, make_staff, make_user
from nodes.tests.builders import make_group, make_node, make_online_node
from nodes.tests.joining import Joiner, make_token
from peers.tests.builders import make_interface, make_key, make_peer

pytestmark = pytest.mark.django_db

EVERYBODY = ("anonymous", "user", "staff", "viewer", "editor", "admin")
READ = {"anonymous": 401, "user": 403, "staff": 403, "viewer": 200, "editor": 200, "admin": 200}
NO_ROLE = {"anonymous": 401, "user": 403, "staff": 200, "viewer": 200, "editor": 200, "admin": 200}


ASKED = {"viewer": 409, "editor": 409, "admin": 409}  # who may see asks a node that is not there


def write(status: int) -> dict[str, int]:
    return {**READ, "viewer": 403, "editor": status, "admin": status}


# route → method → who → status; `{}` stands for the id of an object that is there
TABLE = {
    "/api/v1/groups/": {"GET": READ, "POST": write(201)},
    "/api/v1/groups/{}/": {
        "GET": READ, "PUT": write(200), "PATCH": write(200), "DELETE": write(200),
    },
    "/api/v1/groups/{}/poll/": {"POST": write(202)},
    "/api/v1/nodes/": {"GET": READ, "POST": write(201)},
    "/api/v1/nodes/{}/": {
        "GET": READ, "PUT": write(200), "PATCH": write(200), "DELETE": write(200),
    },
    "/api/v1/nodes/{}/poll/": {"POST": write(202)},
    "/api/v1/nodes/{}/test/": {"POST": write(200)},
    "/api/v1/nodes/{}/rotate-key/": {"POST": write(202)},
    "/api/v1/nodes/{}/assign-group/": {"POST": write(200)},
    "/api/v1/nodes/poll/": {"POST": write(202)},
    "/api/v1/join-tokens/": {"GET": READ, "POST": write(201)},
    "/api/v1/join-tokens/{}/": {"GET": READ, "DELETE": write(204)},
    "/api/v1/join-tokens/{}/approve/": {"POST": write(409)},  # nobody waits
    "/api/v1/join-tokens/{}/call/": {"POST": write(409)},  # its node comes by itself
    "/api/v1/enrol/": {"POST": dict.fromkeys(READ, 401)},  # a proof is asked for, not a login
    "/api/v1/selection/": {"POST": READ},
    "/api/v1/nodes/{}/drift/": {"GET": READ},
    "/api/v1/nodes/{}/reconcile/": {"POST": write(200)},
    "/api/v1/groups/{}/reconcile/": {"POST": write(200)},
    "/api/v1/interfaces/": {"GET": READ, "POST": write(201)},
    "/api/v1/interfaces/{}/": {"GET": READ, "PATCH": write(200), "DELETE": write(204)},
    "/api/v1/interfaces/{}/drift/": {"GET": READ, "POST": write(200)},
    "/api/v1/interfaces/{}/drift/history/": {"GET": READ},
    "/api/v1/interfaces/{}/drift/decisions/": {"GET": READ},
    "/api/v1/interfaces/{}/drift/tell-again/": {"POST": write(200)},
    "/api/v1/interfaces/overlaps/": {"GET": READ},
    "/api/v1/interfaces/{}/reservations/": {"GET": READ, "POST": write(201)},
    "/api/v1/interfaces/{}/reservations/x/": {"DELETE": write(404)},
    "/api/v1/interfaces/{}/reconcile/": {"POST": write(409)},  # nobody has checked it
    "/api/v1/interfaces/{}/conflict/": {"GET": {**READ, **ASKED}, "POST": write(409)},
    "/api/v1/drift/": {"GET": READ},
    "/api/v1/peers/": {"GET": READ, "POST": write(201)},
    "/api/v1/peers/bulk/": {"POST": write(200)},
    "/api/v1/peers/export/": {"POST": write(200)},
    "/api/v1/peers/{}/": {"GET": READ, "PATCH": write(200), "DELETE": write(204)},
    "/api/v1/peers/{}/enable/": {"POST": write(200)},
    "/api/v1/peers/{}/disable/": {"POST": write(200)},
    "/api/v1/peers/{}/rotate-psk/": {"POST": write(200)},
    "/api/v1/peers/{}/config/": {"GET": write(200)},
    "/api/v1/peers/{}/qr/": {"GET": write(200)},
    "/api/v1/peers/{}/share-links/": {
        "GET": write(200), "POST": write(201), "DELETE": write(200),
    },
    "/api/v1/peers/{}/share-links/x/": {"DELETE": write(404)},
    "/api/v1/prometheus/targets": {"GET": READ},
    "/api/schema/": {"GET": NO_ROLE},
}  # fmt: skip
NOBODY = "http://127.0.0.1:1"  # no agent listens there
BODIES = {
    "enrol/": Joiner(new_token()).body,
    "nodes/poll/": {"group": None},
    "reservations/": {"first": "10.20.0.9"},
    "assign-group/": {"group": None},
    "conflict/": {"choose": "panel", "seen": "x"},
    "export/": {"filter": {"status": "never"}},
    "bulk/": {"action": "disable", "filter": {"status": "never"}},
}
CASES = [(route, method) for route, methods in TABLE.items() for method in methods]
MODELS = (
    "groups.{}_nodegroup", "nodes.{}_node", "nodes.{}_jointoken", "nodes.{}_interface",
    "peers.{}_peer", "reconcile.{}_drift", "reconcile.{}_reconcilerun",
)  # fmt: skip
EDITS = ("view", "add", "change", "delete")


def make_somebody(role: str):
    if role in ("staff", "viewer", "editor"):
        acts = {"staff": (), "viewer": ("view",), "editor": EDITS}[role]
        further = ("peers.view_configuration",) if role == "editor" else ()
        return make_staff(*(model.format(act) for model, act in product(MODELS, acts)), *further)
    return {"user": make_user, "admin": make_admin}[role]()


def make_client(role: str) -> APIClient:
    client = APIClient()
    if role != "anonymous":
        client.force_authenticate(make_somebody(role))
    return client


def make_row(route: str):
    """Save what `{}` stands for; nobody listens where its agent should be."""
    if "/groups/" in route:
        return make_group()
    if "/join-tokens/" in route:
        return make_token()[0]
    if "/nodes/" in route:
        return make_node()
    interface = make_interface(node=make_online_node(agent_url=NOBODY))
    return (
        make_peer(interface=interface, private_key=make_key()) if "/peers/" in route else interface
    )


def make_body(route: str, method: str, row) -> dict:
    """Return a body that the route accepts."""
    for ending, body in BODIES.items():
        if route.endswith(ending):
            return body
    if method not in ("POST", "PUT") or "{}/" in route and method == "POST":
        return {}
    if route.endswith("selection/"):
        return {}
    if "interfaces" in route:
        pool = {"pool_v4": "10.9.0.0/24", "listen_port": 51999}
        return {"node": str(row.node_id), "name": "wg9", **pool}
    secret = secrets.token_hex(32)
    node = {"agent_url": NOBODY, "secret": secret} if "nodes" in route else {}
    return {"name": "new", "public_key": make_key(), **node}


@pytest.mark.parametrize("role", EVERYBODY)
@pytest.mark.parametrize(("route", "method"), CASES)
def test_everybody_may_what_the_table_says(route, method, role):
    row = make_row(route)
    answer = make_client(role).generic(
        method, route.format(row.pk), json.dumps(make_body(route, method, row)), "application/json"
    )
    assert answer.status_code == TABLE[route][method][role], answer.content


@pytest.mark.parametrize("act", ["view", "add", "delete"])
@pytest.mark.parametrize("path", ["poll/", "test/", "assign-group/", "rotate-key/"])
def test_an_act_on_a_node_needs_the_right_to_change_it(path, act):
    client = APIClient()
    client.force_authenticate(make_staff(f"nodes.{act}_node"))
    answer = client.post(f"/api/v1/nodes/{make_node().pk}/{path}", {"group": None})
    assert answer.status_code == 403


def test_rights_on_groups_are_no_rights_on_nodes():
    client = APIClient()
    client.force_authenticate(make_staff(*(f"groups.{act}_nodegroup" for act in EDITS)))
    group = make_group()
    assert client.post(f"/api/v1/groups/{group.pk}/poll/").status_code == 403
    assert client.get("/api/v1/nodes/").status_code == 403


def test_every_route_of_the_api_is_in_the_table():
    known = {route.format("x") for route in TABLE} | {"/api/docs/"}
    assert {_filled(route) for route in _routes() if route.startswith("/api/")} == known


def _routes(patterns=None, prefix="/"):
    for pattern in patterns if patterns is not None else get_resolver().url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route
        else:
            yield from _routes(pattern.url_patterns, route)


def _filled(route: str) -> str:
    return "/".join("x" if part.startswith("<") else part for part in route.split("/"))
