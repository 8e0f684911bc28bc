"""What is typed for a node: refused with a reason, or saved and remembered; secrets stay in."""

import datetime as dt
from base64 import b64encode

import pytest
from django.urls import reverse
from django.utils import timezone

from nodes.models import Node, Status
from nodes.tests.builders import make_node, make_online_node

pytestmark = pytest.mark.django_db
SECRET = "q7Zr2-Xw9_Lk4TbN8vYcM1sHdG6fJpAeUoR3iKyWtVx"
OTHER_SECRET = "m3Kd8_Wq5-Zx1VnB7tLcR9sGfH2jPyAeUiO6rQwTzXv"


def url(name, node):
    return reverse(f"admin:nodes_node_{name}", args=[node.pk])


def content(client, address):
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def typed(node=None, **fields):
    """Return what the form posts."""
    values = {
        "name": node.name if node else "new", "group": "",
        "agent_url": node.agent_url if node else "http://127.0.0.1:8080",
        "new_secret": "", "enabled": "on", "max_peers": "250", "weight": "1",
    }  # fmt: skip
    return {**values, **fields}


def test_a_node_is_added_and_asked_at_once(admin_client):
    response = admin_client.post(reverse("admin:nodes_node_add"), typed(new_secret=SECRET))
    node = Node.objects.get()
    assert response.url == url("change", node)
    assert node.secret.reveal() == SECRET
    assert node.history.get().history_user.is_superuser
    assert node.next_poll_at <= timezone.now()


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"new_secret": ""}, "This field is required"),
        ({"new_secret": "short"}, "The secret"),
        ({"new_secret": "a" * 64}, "The secret"),
        ({"agent_url": "http://169.254.169.254"}, "does not connect to this address"),
        ({"agent_url": "http://8.8.8.8"}, "Plain HTTP is allowed to"),
        ({"agent_url": "https://127.0.0.1:8080"}, "TLS needs the pin"),
        ({"agent_url": "javascript:alert(1)"}, "Enter https://HOST:PORT"),
        ({"name": "two\nlines"}, "Only printable characters"),
        ({"max_peers": "0"}, "greater than or equal to 1"),
        ({"weight": "0"}, "greater than or equal to 0.01"),
        ({"weight": "nan"}, "Enter a number"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(admin_client, fields, sentence):
    form = typed(**{"new_secret": SECRET, **fields})
    shown = admin_client.post(reverse("admin:nodes_node_add"), form).content.decode()
    assert sentence in shown
    assert not Node.objects.exists()


def test_a_refused_form_does_not_echo_the_secret(admin_client):
    form = typed(new_secret=SECRET, max_peers="0")
    shown = admin_client.post(reverse("admin:nodes_node_add"), form).content.decode()
    assert SECRET not in shown


def test_the_page_shows_that_a_secret_is_set_and_never_which(admin_client):
    node = make_online_node(secret=SECRET)
    shown = content(admin_client, url("change", node))
    assert "A secret is set." in shown
    assert SECRET not in shown
    assert Node.objects.get().secret.seal() not in shown


def test_a_missing_and_a_locked_secret_are_told_apart(admin_client, settings):
    missing, locked = make_node(secret=None), make_node()
    assert "No secret is set" in content(admin_client, url("change", missing))
    settings.WGPANEL_FIELD_KEYS = (b64encode(bytes(range(32))).decode(),)
    assert "The stored secret is locked" in content(admin_client, url("change", locked))


def test_an_empty_secret_keeps_the_stored_one(admin_client):
    node = make_node(secret=SECRET)
    admin_client.post(url("change", node), typed(node, name="renamed"))
    node = Node.objects.get()
    assert (node.name, node.secret.reveal()) == ("renamed", SECRET)


def test_a_new_secret_replaces_the_stored_one_and_the_history_says_so_without_it(admin_client):
    node = make_node(secret=SECRET)
    admin_client.post(url("change", node), typed(node, new_secret=OTHER_SECRET))
    assert Node.objects.get().secret.reveal() == OTHER_SECRET
    assert node.history.first().history_change_reason == "Secret replaced."
    shown = content(admin_client, url("history", node))
    assert "Secret replaced." in shown
    assert OTHER_SECRET not in shown


def test_saving_the_form_leaves_what_a_poll_wrote_meanwhile(admin_client, monkeypatch):
    node = make_node()
    saved = Node.save

    def poll_and_save(self, *args, **kwargs):
        Node.objects.filter(pk=self.pk).update(status=Status.ONLINE, active_peers=77)
        return saved(self, *args, **kwargs)

    monkeypatch.setattr(Node, "save", poll_and_save)
    admin_client.post(url("change", node), typed(node, name="renamed"))
    node = Node.objects.get()
    assert (node.name, node.status, node.active_peers) == ("renamed", Status.ONLINE, 77)


def test_another_address_is_tried_at_once(admin_client):
    node = make_node(next_poll_at=timezone.now() + dt.timedelta(hours=1))
    admin_client.post(url("change", node), typed(node, agent_url="http://127.0.0.1:9999"))
    assert Node.objects.get().next_poll_at <= timezone.now()


def test_the_history_names_who_changed_what(admin_client):
    node = make_node(name="before")
    admin_client.post(url("change", node), typed(node, name="after"))
    shown = content(admin_client, url("history", node))
    assert "before" in shown
    assert "after" in shown
    assert "admin" in shown


def test_an_old_version_is_read_and_never_brought_back(admin_client):
    node = make_node(name="before")
    version = node.history.first().pk
    Node.objects.update(name="after")
    old = reverse("admin:nodes_node_simple_history", args=[node.pk, version])
    assert admin_client.get(old).status_code == 200
    assert admin_client.post(old, typed(node, name="before")).status_code == 403
    assert Node.objects.get().name == "after"


def test_room_is_never_less_than_the_peers_that_are_placed(admin_client):
    node = make_node(assigned_peers=10)
    refused = admin_client.post(url("change", node), typed(node, max_peers="9"))
    assert "10 peers are placed here." in refused.content.decode()
    assert admin_client.post(url("change", node), typed(node, max_peers="10")).status_code == 302


def test_a_pin_is_typed_as_the_agent_prints_it(admin_client):
    node, pin = make_node(), "0123456789abcdef" * 4
    refused = admin_client.post(url("change", node), typed(node, tls_pin=pin.upper()))
    assert "64 hexadecimal digits, in lower case" in refused.content.decode()
    admin_client.post(url("change", node), typed(node, tls_pin=pin))
    assert Node.objects.get().tls_pin == pin
    assert node.history.first().tls_pin == pin
