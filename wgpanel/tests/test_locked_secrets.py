"""The field key is lost: what is public is shown as before, secrets are locked, nothing fails."""

import os
from base64 import b64encode

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.tests.builders import make_admin
from nodes import rotation
from nodes.models import Node
from nodes.polls import polling
from nodes.tests.builders import make_online_node
from peers.models import Peer
from peers.tests.builders import make_interface, make_key, make_peer
from wgpanel.tests.test_rights import TABLE

pytestmark = pytest.mark.django_db
CANARIES = {name: f"cnry-{name}-{os.urandom(20).hex()}" for name in ("next", "first")}
GETS = [route for route, methods in TABLE.items() if "GET" in methods]
ADMIN = (
    "nodes_node_changelist", "nodes_node_change", "nodes_node_history",
    "peers_peer_changelist", "peers_peer_change", "nodes_interface_change",
)  # fmt: skip


@pytest.fixture
def peer() -> Peer:
    """A peer with both keys, on a node in the middle of a rotation."""
    node = make_online_node(agent_url="http://127.0.0.1:1", first_secret=CANARIES["first"],
                            next_secret=CANARIES["next"], next_secret_seq=2)  # fmt: skip
    interface = make_interface(node=node)
    return make_peer(interface=interface, private_key=make_key(), preshared_key=make_key())


@pytest.fixture
def _lost(peer, settings) -> None:
    settings.WGPANEL_FIELD_KEYS = [b64encode(os.urandom(32)).decode()]


@pytest.fixture
def admin_api() -> APIClient:
    client = APIClient()
    client.force_authenticate(make_admin())
    return client


def key_of(peer: Peer, kind: str):
    ids = {"peers": peer.pk, "nodes": peer.interface.node_id, "interfaces": peer.interface_id}
    return next((pk for name, pk in ids.items() if kind.startswith(name)), peer.pk)


def page(name: str, peer: Peer) -> str:
    kind = name.replace("_", "s_", 1) if name.startswith("peers") else name
    pk = peer.interface_id if "interface" in name else key_of(peer, kind)
    return reverse(f"admin:{name}", args=[] if name.endswith("list") else [pk])


@pytest.mark.usefixtures("_lost")
@pytest.mark.parametrize("route", GETS)
def test_every_route_answers_without_the_key(admin_api, peer, route):
    path = route.format(key_of(peer, route.removeprefix("/api/v1/")))
    assert admin_api.get(path).status_code < 500


@pytest.mark.usefixtures("_lost")
@pytest.mark.parametrize("name", ADMIN)
def test_every_page_of_the_admin_is_shown_without_the_key(client, peer, name):
    client.force_login(make_admin())
    answer = client.get(page(name, peer))
    assert answer.status_code == 200
    assert str(peer.interface.node if "node" in name else peer.name) in answer.content.decode()


@pytest.mark.usefixtures("_lost")
def test_the_page_of_a_node_says_that_its_secret_is_locked(client, peer):
    client.force_login(make_admin())
    assert "is locked" in client.get(page("nodes_node_change", peer)).content.decode()


@pytest.mark.usefixtures("_lost")
@pytest.mark.parametrize("what", ["config", "qr"])
def test_a_configuration_says_that_a_key_is_locked(admin_api, peer, what):
    answer = admin_api.get(f"/api/v1/peers/{peer.pk}/{what}/")
    assert answer.status_code == 409
    assert "locked" in answer.content.decode()


@pytest.mark.usefixtures("_lost")
def test_polling_says_why_the_node_cannot_be_asked(peer):
    node_id = peer.interface.node_id
    assert polling.poll([node_id]).failures == {"locked": 1}
    assert "does not open" in Node.objects.get(pk=node_id).status_reason


@pytest.mark.usefixtures("_lost")
def test_the_test_of_the_connection_says_that_the_secret_is_locked(admin_api, peer):
    told = admin_api.post(f"/api/v1/nodes/{peer.interface.node_id}/test/").json()
    assert (told["ok"], told["code"]) == (False, "locked")


@pytest.mark.usefixtures("_lost")
def test_a_rotation_waits_for_the_key(peer, monkeypatch):
    monkeypatch.setattr(rotation.current_app, "send_task", lambda *_, **__: None)
    node = Node.objects.filter(pk=peer.interface.node_id)
    rotation.start(node, None)
    rotation.go_on(peer.interface.node_id)
    assert "does not open" in node.get().rotation_problem
