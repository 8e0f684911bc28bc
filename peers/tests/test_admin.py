"""Peers and interfaces as an operator sees and changes them in the admin."""

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.tests.builders import make_staff
from nodes.models import Interface
from nodes.tests.builders import make_group, make_online_node
from peers.models import Peer
from peers.tests.builders import make_interface, make_key, make_peer
from reconcile.models import Drift

pytestmark = pytest.mark.django_db
LIST = reverse("admin:peers_peer_changelist")
ADD = reverse("admin:peers_peer_add")
ADD_INTERFACE = reverse("admin:nodes_interface_add")
HOSTILE = "<script>alert(1)</script>"


def page_of(peer):
    return reverse("admin:peers_peer_change", args=[peer.pk])


def act(client, peer, name):
    return client.post(reverse(f"admin:peers_peer_{name}", args=[peer.pk]))


def shown(client, url, **query):
    response = client.get(url, query)
    assert response.status_code == 200
    return response.content.decode()


def new_peer(**fields):
    blank = {"name": "laptop", "keys": "panel", "expires_at_0": "", "expires_at_1": ""}
    return {**blank, "tags": "", "notes": "", "addresses": "", "routed_networks": "", **fields}


def settings_of(interface, **fields):
    """What the form of an interface sends when nothing is changed in it."""
    names = (
        "listen_port", "pool_v4", "pool_v6", "address_v4", "address_v6", "endpoint_host", "dns",
        "client_allowed_ips", "keepalive", "policy",
    )  # fmt: skip
    sent = {name: getattr(interface, name) for name in names}
    flags = dict.fromkeys(("forward", "masquerade", "accepts_peers"), "on")
    blank = dict.fromkeys(("endpoint_port", "mtu", "fwmark", "table", "out_interface"), "")
    return {**blank, **sent, **flags, **fields}


def test_a_peer_is_listed_with_its_place_status_and_addresses(admin_client):
    peer = make_peer(name=HOSTILE, tags=["sales"], last_handshake_at=timezone.now())
    told = shown(admin_client, LIST)
    for text in ("&lt;script&gt;", "sales", "Online", peer.interface.node.name, "10.20.0.2"):
        assert text in told
    assert HOSTILE not in told


def test_a_peer_that_never_connected_is_never_1970(admin_client):
    make_peer()
    told = shown(admin_client, LIST)
    assert "Never connected" in told
    assert "1970" not in told


@pytest.mark.parametrize("term", ["lap", "10.20.0.2", "travel"])
def test_a_peer_is_found_by_name_address_and_tag(admin_client, term):
    interface = make_interface()
    make_peer(interface=interface, name="laptop", tags=["travel"])
    make_peer(interface=interface, name="phone")
    told = shown(admin_client, LIST, q=term)
    assert "laptop" in told
    assert "phone" not in told


def test_the_list_can_be_narrowed_to_outdated_files(admin_client):
    interface = make_interface(client_fingerprint="b" * 32)
    make_peer(interface=interface, name="old-file", delivered_fingerprint="a" * 64)
    make_peer(interface=interface, name="no-file")
    told = shown(admin_client, LIST, file="outdated")
    assert "old-file" in told
    assert "no-file" not in told


def test_many_peers_take_no_more_queries_than_one(admin_client, django_assert_max_num_queries):
    interface = make_interface()
    for _ in range(30):
        make_peer(interface=interface)
    with django_assert_max_num_queries(16):
        shown(admin_client, LIST)


def test_no_page_shows_a_key_of_a_peer(admin_client):
    psk, private = make_key(), make_key()
    peer = make_peer(preshared_key=psk, private_key=private)
    told = shown(admin_client, LIST) + shown(admin_client, page_of(peer))
    assert psk not in told
    assert private not in told


def test_a_new_peer_is_placed_within_its_group_and_its_file_is_shown_once(admin_client):
    node = make_online_node(group=make_group(name="Europe"))
    make_interface(node=node)
    make_interface(node=make_online_node(cpu_percent=1.0))
    response = admin_client.post(ADD, new_peer(group=str(node.group_id), tags="a, b"))
    told = response.content.decode()
    peer = Peer.objects.get()
    assert (peer.interface.node, peer.tags, peer.private_key) == (node, ["a", "b"], None)
    assert "PrivateKey = " in told
    assert "<svg" in told
    assert "no-store" in response["Cache-Control"]
    assert peer.history.get().history_user.username == "admin"


def test_a_peer_with_a_key_of_its_own_gets_a_file_without_one(admin_client):
    make_interface()
    key = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
    told = admin_client.post(ADD, new_peer(keys="client", public_key=key)).content.decode()
    assert Peer.objects.get().public_key == key
    assert "PUT-THE-PRIVATE-KEY-OF-THIS-DEVICE-HERE" in told


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"name": "a\nb"}, "name"),
        ({"keys": "client", "public_key": "not a key"}, "key"),
        ({"keys": "client"}, "public key of the device is missing"),
        ({"node": "nowhere"}, "there is no such node"),
        ({"addresses": "10.99.0.1"}, "10.99.0.1"),
        ({"expires_at_0": "2001-01-01", "expires_at_1": "00:00"}, "past"),
        ({"routed_networks": "10.0.0.0/8; rm"}, "network"),
    ],
)
def test_a_refused_peer_is_explained_and_what_was_typed_is_kept(admin_client, fields, complaint):
    make_interface()
    told = admin_client.post(ADD, new_peer(**{"notes": "typed before", **fields})).content.decode()
    assert complaint in told
    assert "typed before" in told
    assert not Peer.objects.exists()


def test_without_a_node_the_form_says_which_nodes_were_left_out(admin_client):
    make_interface(node=make_online_node(maintenance=True))
    told = admin_client.post(ADD, new_peer()).content.decode()
    assert "No node can take a peer: 1 in maintenance" in told


def test_the_page_of_a_peer_says_where_it_is_and_why(admin_client):
    make_interface()
    admin_client.post(ADD, new_peer())
    peer = Peer.objects.get()
    told = shown(admin_client, page_of(peer))
    for text in ("Why this node?", peer.interface.node.name, "Waiting for its node to confirm"):
        assert text in told


def test_a_change_is_made_by_the_core_and_remembered(admin_client):
    peer = make_peer()
    before = peer.interface.desired_generation
    fields = {"name": "renamed", "tags": "x", "notes": "", "keepalive": "25"}
    fields |= {"expires_at_0": "", "expires_at_1": "", "routed_networks": ""}
    assert admin_client.post(page_of(peer), fields).status_code == 302
    peer.refresh_from_db()
    assert (peer.name, peer.tags, peer.keepalive) == ("renamed", ["x"], 25)
    assert Interface.objects.get().desired_generation == before + 1
    assert peer.history.first().history_user.username == "admin"


def test_a_refused_change_is_told_at_its_field_and_changes_nothing(admin_client):
    peer = make_peer(name="as it was")
    fields = {"name": "new", "tags": "x" * 100, "notes": "", "keepalive": ""}
    fields |= {"expires_at_0": "", "expires_at_1": "", "routed_networks": ""}
    response = admin_client.post(page_of(peer), fields)
    assert response.status_code == 200
    assert b"tag" in response.content
    assert Peer.objects.get().name == "as it was"


def test_disable_and_enable_are_acts_by_post(admin_client):
    peer = make_peer()
    assert admin_client.get(reverse("admin:peers_peer_disable", args=[peer.pk])).status_code == 405
    act(admin_client, peer, "disable")
    assert Peer.objects.get().reasons_off(timezone.now()) == ["disabled"]
    act(admin_client, peer, "enable")
    assert Peer.objects.get().reasons_off(timezone.now()) == []


def test_an_expired_peer_is_not_enabled_and_the_page_says_why(admin_client):
    peer = make_peer(enabled=False, expires_at=timezone.now() - dt.timedelta(days=1))
    act(admin_client, peer, "enable")
    assert "give it a later end first" in shown(admin_client, page_of(peer))


def test_the_file_is_handed_out_by_post_and_that_is_remembered(admin_client):
    peer = make_peer()
    response = act(admin_client, peer, "file")
    assert b"[Interface]" in response.content
    assert "no-store" in response["Cache-Control"]
    assert Peer.objects.get().delivered_at is not None


def test_a_link_is_shown_once(admin_client):
    peer = make_peer()
    told = act(admin_client, peer, "link").content.decode()
    assert "/share/" in told
    assert peer.share_links.count() == 1


def test_who_may_not_hand_out_files_gets_none(client):
    peer = make_peer()
    client.force_login(make_staff("peers.view_peer", "peers.change_peer"))
    assert act(client, peer, "file").status_code == 403
    assert act(client, peer, "link").status_code == 403
    assert "Configuration and QR code" not in shown(client, page_of(peer))


def test_a_removed_peer_is_a_tombstone_and_leaves_the_list(admin_client):
    peer = make_peer(name="farewell")
    admin_client.post(reverse("admin:peers_peer_delete", args=[peer.pk]), {"post": "yes"})
    assert Peer.objects.get().removed_at is not None
    assert "farewell" not in shown(admin_client, LIST).replace("farewell is removed", "")


def test_many_peers_are_disabled_at_once(admin_client):
    interface = make_interface()
    peers = [make_peer(interface=interface) for _ in range(3)]
    chosen = {"action": "disable", "_selected_action": [str(peer.pk) for peer in peers]}
    told = admin_client.post(LIST, chosen, follow=True).content.decode()
    assert "3 peers disabled." in told
    assert not Peer.objects.filter(enabled=True).exists()


def test_an_interface_is_made_from_its_pools(admin_client):
    node = make_online_node()
    draft = Interface(pool_v4="10.30.0.0/24", pool_v6="", endpoint_host="")
    fields = settings_of(draft, node=str(node.pk), name="wg0")
    assert admin_client.post(ADD_INTERFACE, fields).status_code == 302
    made = Interface.objects.get()
    assert (made.name, made.address_v4, made.accepts_peers) == ("wg0", "10.30.0.1", True)
    assert made.desired_generation == 1


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"name": "all"}, "name"),
        ({"pool_v4": "10.30.0.1/24"}, "pool"),
        ({"pool_v4": "", "pool_v6": ""}, "pool"),
        ({"out_interface": "eth0;id"}, "interface"),
        ({"mtu": "100"}, "576"),
    ],
)
def test_a_refused_interface_is_explained(admin_client, fields, complaint):
    node = make_online_node()
    draft = Interface(pool_v4="10.30.0.0/24")
    sent = settings_of(draft, node=str(node.pk), **{"name": "wg0", **fields})
    response = admin_client.post(ADD_INTERFACE, sent)
    assert response.status_code == 200
    assert complaint in response.content.decode()
    assert not Interface.objects.exists()


def test_the_page_of_an_interface_shows_generations_and_how_full_its_pools_are(admin_client):
    interface = make_interface(pool_v4="10.20.0.0/24", desired_generation=8)
    make_peer(interface=interface)
    told = shown(admin_client, reverse("admin:nodes_interface_change", args=[interface.pk]))
    for text in ("10.20.0.0/24", "1 / 253", "Generation desired", "<dd>8</dd>", "<dd>1</dd>"):
        assert text in told


def test_the_page_of_an_interface_counts_a_vast_pool_in_words(admin_client):
    peer = make_peer()
    told = shown(admin_client, reverse("admin:nodes_interface_change", args=[peer.interface_id]))
    assert "1 given out" in told
    assert "room without end" in told
    assert "1 / 65533" in told


def test_the_page_of_an_interface_leads_to_its_drift(admin_client, client):
    interface = make_interface()
    page = reverse("admin:nodes_interface_live", args=[interface.pk])
    assert "not checked yet" in shown(admin_client, page)
    Drift.objects.create(interface=interface, state="drifted", count=2, reason="Two differ.")
    drift = reverse("admin:reconcile_drift_change", args=[interface.pk])
    assert "Two differ." in shown(admin_client, page)
    assert drift in shown(admin_client, page)
    client.force_login(make_staff("nodes.view_interface"))
    assert drift not in shown(client, page)


def test_the_page_of_an_interface_leads_to_who_holds_an_outdated_file(admin_client):
    mine, other = make_interface(), make_interface()
    make_peer(interface=mine, name="old", delivered_fingerprint="a" * 64)
    make_peer(interface=other, name="elsewhere", delivered_fingerprint="a" * 64)
    told = shown(admin_client, reverse("admin:nodes_interface_change", args=[mine.pk]))
    assert "1 client holds an outdated file" in told
    listed = shown(admin_client, LIST, interface=mine.pk, file="outdated")
    assert "old" in listed
    assert "elsewhere" not in listed


def test_a_changed_interface_raises_its_generation(admin_client):
    interface = make_interface()
    url = reverse("admin:nodes_interface_change", args=[interface.pk])
    assert admin_client.post(url, settings_of(interface, mtu="1380")).status_code == 302
    interface.refresh_from_db()
    assert (interface.mtu, interface.desired_generation) == (1380, 2)


def test_an_interface_with_peers_is_not_removed(admin_client):
    peer = make_peer()
    url = reverse("admin:nodes_interface_delete", args=[peer.interface_id])
    told = admin_client.post(url, {"post": "yes"}, follow=True).content.decode()
    assert "remove them first" in told
    assert Interface.objects.get().removed_at is None
