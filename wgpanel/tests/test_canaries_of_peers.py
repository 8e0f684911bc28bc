"""Keys of peers come out with their configuration and nowhere else."""

import io
import logging

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from accounts.tests.builders import make_admin, make_staff
from nodes.tests.builders import make_online_node
from peers.models import Peer
from peers.tests.builders import make_interface, make_key, make_peer
from wgpanel.tests.canaries import leaks, spellings
from wgpanel.tests.test_rights import EDITS, MODELS, TABLE

pytestmark = pytest.mark.django_db
FILES = ("config/", "qr/")
GETS = [route for route, methods in TABLE.items() if "GET" in methods]
SILENT = [route for route in GETS if not route.endswith(FILES)]
EDITOR = tuple(model.format(act) for model in MODELS for act in EDITS)
READER = tuple(model.format("view") for model in MODELS)


@pytest.fixture
def canaries() -> tuple[str, str]:
    return make_key(), make_key()


@pytest.fixture
def peer(canaries) -> Peer:
    private, preshared = canaries
    interface = make_interface(node=make_online_node(agent_url="http://127.0.0.1:1"))
    return make_peer(interface=interface, private_key=private, preshared_key=preshared)


def caller(role: str) -> APIClient:
    client = APIClient()
    users = {
        "reader": lambda: make_staff(*READER),
        "editor": lambda: make_staff(*EDITOR),
        "admin": make_admin,
    }
    if role in users:
        client.force_authenticate(users[role]())
    return client


def address(route: str, peer: Peer) -> str:
    """Fill in the object of its kind that belongs to the peer."""
    ids = {"peers": peer.pk, "interfaces": peer.interface_id, "nodes": peer.interface.node_id}
    kind = route.removeprefix("/api/v1/").partition("/")[0]
    return route.format(ids.get(kind, peer.pk))


@pytest.mark.parametrize("role", ["nobody", "reader", "editor", "admin"])
@pytest.mark.parametrize("route", SILENT)
def test_no_answer_but_a_configuration_has_a_key(peer, canaries, route, role):
    answer = caller(role).get(address(route, peer))
    assert answer.content
    assert leaks(answer.content.decode(), canaries) == set()
    for secret in (peer.private_key, peer.preshared_key):
        assert secret.seal() not in answer.content.decode()


@pytest.mark.parametrize("role", ["nobody", "reader", "editor"])
@pytest.mark.parametrize("what", [*FILES, "share-links/"])
def test_a_configuration_needs_its_own_right(peer, canaries, what, role):
    answer = caller(role).get(f"/api/v1/peers/{peer.pk}/{what}")
    assert answer.status_code == (401 if role == "nobody" else 403)
    assert leaks(answer.content.decode(), canaries) == set()


def test_a_configuration_has_the_keys_that_no_other_answer_has(peer, canaries):
    text = caller("admin").get(f"/api/v1/peers/{peer.pk}/config/").content.decode()
    assert leaks(text, canaries) >= {key.rstrip("=") for key in canaries}


@pytest.mark.parametrize("field", ["public_key", "preshared_key"])
def test_no_refusal_repeats_a_key(api, peer, canaries, field):
    body = {"name": "x", "public_key": make_key(), field: f"{canaries[0]}x"}
    answer = api.post("/api/v1/peers/", body)
    assert answer.status_code == 400
    assert leaks(answer.content.decode(), canaries) == set()


def test_no_table_and_no_history_has_a_key(api, peer, canaries):
    api.patch(f"/api/v1/peers/{peer.pk}/", {"name": "renamed"})
    api.post(f"/api/v1/peers/{peer.pk}/share-links/", {})
    out = io.StringIO()
    call_command("dumpdata", stdout=out)
    assert str(peer.pk) in out.getvalue()
    assert leaks(out.getvalue(), canaries) == set()
    assert leaks(str(list(Peer.history.values())), canaries) == set()


def test_no_log_line_has_a_key(api, peer, canaries, log):
    api.get(f"/api/v1/peers/{peer.pk}/config/")
    api.post("/api/v1/peers/", {"name": "x", "preshared_key": canaries[1], "public_key": "x"})
    logging.getLogger("test").warning("%r %s %s", peer, peer.private_key, canaries[0])
    assert "peer-" in log.getvalue()
    assert leaks(log.getvalue(), canaries) == set()


def test_the_search_for_canaries_finds_each_spelling(canaries):
    for key in canaries:
        for spelling in spellings(key):
            assert leaks(f"…{spelling}…", canaries)
