"""What a stolen session must not do to the fleet: each act asks for the password, by hand and REST.

The password comes with what was sent before; a wrong one, and looking, change nothing.
"""

import io
import zipfile
from dataclasses import dataclass

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.tests.builders import GOOD_PASSWORD, let_password_age, make_boss, make_staff
from keyring import backups
from keyring.sealing import current_key_id
from nodes.models import Node
from nodes.tests.builders import make_node
from nodes.tests.joining import make_token
from peers.models import Peer
from peers.tests.builders import make_key, make_peer

pytestmark = pytest.mark.django_db
NODES, PEERS = "/admin/nodes/node/", "/admin/peers/peer/"


@dataclass
class Act:
    """An act by hand: where it is sent, what is sent, and how to see that it was done."""

    path: str
    sent: dict
    is_done: object


def is_urgent(node):
    return lambda: Node.objects.get(pk=node.pk).rotation_is_urgent


def is_forgotten(node):
    return lambda: not Node.objects.filter(pk=node.pk).exists()


def replace_key_of_one():
    node = make_node()
    return Act(f"{NODES}{node.pk}/rotate/", {"retire": "now"}, is_urgent(node))


def replace_keys():
    node = make_node()
    chosen = {"action": "replace_key", "_selected_action": [str(node.pk)]}
    return Act(NODES, chosen, is_urgent(node))


def forget_one():
    node = make_node()
    return Act(f"{NODES}{node.pk}/delete/", {"post": "yes"}, is_forgotten(node))


def forget_several():
    node = make_node()
    chosen = {"action": "delete_selected", "_selected_action": [str(node.pk)], "post": "yes"}
    return Act(NODES, chosen, is_forgotten(node))


def confirm_backup():
    return Act(reverse("key-backup"), {"key_id": current_key_id()}, backups.is_confirmed)


def see_alarm():
    row = make_token()[0]
    type(row).objects.update(reused_at=timezone.now())
    path = reverse("admin:nodes_jointoken_seen", args=[row.pk])
    return Act(path, {}, lambda: type(row).objects.get().alarm_seen_at is not None)


def export():
    peer = make_peer(private_key=make_key())
    chosen = {"action": "export", "_selected_action": [str(peer.pk)]}
    return Act(PEERS, chosen, lambda: Peer.objects.get().delivered_at is not None)


@pytest.fixture
def stale(client) -> Client:
    client.force_login(make_boss())
    let_password_age(client)
    return client


def send(client, act, **more):
    """Send it, and read the whole answer: a zip is made while it is sent."""
    answer = client.post(act.path, {**act.sent, **more})
    return answer, answer.getvalue().decode("latin-1")


@pytest.mark.parametrize(
    "make",
    [replace_key_of_one, replace_keys, forget_one, forget_several, confirm_backup, see_alarm,
     export],
)  # fmt: skip
def test_an_act_by_hand_asks_for_the_password_and_is_then_done(stale, make):
    act = make()
    for more in ({}, {"password": "wrong"}):
        assert "Is it still you" in send(stale, act, **more)[1]
        assert not act.is_done()
    answer, told = send(stale, act, password=GOOD_PASSWORD)
    assert answer.status_code in (200, 302)
    assert "Is it still you" not in told
    assert act.is_done()


def test_for_five_minutes_nobody_is_asked_again(stale):
    send(stale, forget_one(), password=GOOD_PASSWORD)
    act = forget_one()
    send(stale, act)
    assert act.is_done()


def test_what_can_be_undone_asks_for_nothing(stale):
    node = make_node()
    stale.post(f"{NODES}{node.pk}/rotate/")
    assert stale.get(f"{NODES}{node.pk}/delete/").status_code == 200
    assert Node.objects.get().rotation_step == "stage"


@pytest.fixture
def session_api(stale) -> APIClient:
    """The REST API as the browser of a stale session calls it."""
    api = APIClient()
    api.cookies = stale.cookies
    return api


def test_by_rest_a_session_is_told_where_to_type_the_password(session_api):
    node, peer = make_node(), make_peer(private_key=make_key())
    path = f"/api/v1/nodes/{node.pk}/"
    told = (
        session_api.delete(path),
        session_api.post(f"{path}rotate-key/", {"retire_now": True}, format="json"),
        session_api.post("/api/v1/peers/export/", {"ids": [str(peer.pk)]}, format="json"),
    )
    for answer in told:
        assert (answer.status_code, answer.json()["error"]) == (403, "password_needed")
        assert reverse("confirm-password") in answer.json()["detail"]
    assert not is_forgotten(node)()
    assert not is_urgent(node)()


def test_by_rest_a_session_does_it_after_the_password(session_api, stale):
    node = make_node()
    stale.post(reverse("confirm-password"), {"password": GOOD_PASSWORD})
    session_api.cookies = stale.cookies
    assert session_api.delete(f"/api/v1/nodes/{node.pk}/").status_code == 200
    assert is_forgotten(node)()


def test_the_zip_has_the_files_of_the_chosen_peers_and_needs_a_right_of_its_own(admin_client):
    chosen, other = make_peer(name="laptop", private_key=make_key()), make_peer(name="phone")
    sent = {"action": "export", "_selected_action": [str(chosen.pk)]}
    answer = admin_client.post(PEERS, sent)
    assert "no-store" in answer["Cache-Control"]
    files = zipfile.ZipFile(io.BytesIO(answer.getvalue()))
    assert files.namelist() == ["laptop.conf", "index.csv"]
    assert chosen.private_key.reveal() in files.read("laptop.conf").decode()
    admin_client.force_login(make_staff("peers.view_peer", "peers.change_peer"))
    assert "laptop.conf" not in admin_client.post(PEERS, sent, follow=True).content.decode()
    assert not Peer.objects.get(pk=other.pk).delivered_at
