"""The head of a list in the admin."""

import pytest
from django.urls import reverse

from peers.tests.builders import make_interface, make_peer
from wgpanel import list_heads

pytestmark = pytest.mark.django_db


def test_the_head_is_made_once_however_many_rows_there_are(admin_client, monkeypatch):
    made, make = [], list_heads._made_by_unfold
    monkeypatch.setattr(list_heads, "_made_by_unfold", lambda it: made.append(it) or make(it))
    interface = make_interface()
    for _ in range(3):
        make_peer(interface=interface)
    told = admin_client.get(reverse("admin:peers_peer_changelist")).content.decode()
    assert told.count("Last handshake") >= 1
    assert len(made) == 1
