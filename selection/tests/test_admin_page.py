"""The page that says where the next peer would go."""

import pytest
from django.urls import reverse

from accounts.tests.builders import make_staff
from nodes.models import Node
from nodes.tests.builders import make_group
from selection.tests.builders import make_idle_node

pytestmark = pytest.mark.django_db
PAGE = reverse("where-next")


def shown(client, **query) -> str:
    response = client.get(PAGE, query)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_it_names_the_node_for_the_next_peer_and_the_parts_of_each_score(admin_client):
    make_idle_node(name="A", active_peers=40, cpu_percent=85, memory_percent=60)
    make_idle_node(name="B", active_peers=50)
    text = shown(admin_client)
    assert "The next peer goes to" in text
    assert text.index("<bdi>B</bdi>") < text.index("<bdi>A</bdi>")
    for part in ("0.950", "+ 0.5", "+ 0.05", "CPU 85 % adds 0.5"):
        assert part in text
    assert "Nobody: every node may take peers." in text


def test_the_bars_are_as_long_as_the_parts(admin_client):
    make_idle_node(active_peers=50, cpu_percent=85)
    text = shown(admin_client)
    assert 'class="wg-part-base" style="width:50.0%"' in text
    assert 'class="wg-part-cpu" style="width:50.0%"' in text


def test_it_plays_the_next_peers_through_and_places_none(admin_client):
    make_idle_node(name="small", max_peers=3)
    assert "2 peers would find no room." in shown(admin_client, peers=5)
    assert "<strong>3</strong>" in shown(admin_client, peers=5)
    assert Node.objects.get().assigned_peers == 0


def test_a_group_narrows_it_and_the_others_are_counted(admin_client):
    group = make_group(name="Europe")
    make_idle_node(name="outside")
    make_idle_node(name="inside", group=group, active_peers=9)
    text = shown(admin_client, group=group.pk)
    assert "in the group <bdi>Europe</bdi>" in text
    assert "1 node: not in the group" in text
    assert "<bdi>outside</bdi>" not in text


def test_by_priority_the_preferred_group_comes_first(admin_client):
    make_idle_node(name="idle", group=make_group(name="far"))
    make_idle_node(name="busy", group=make_group(name="near", priority=5), active_peers=50)
    assert "in the group <bdi>near</bdi>" in shown(admin_client, strategy="priority")


def test_without_a_candidate_it_says_why(admin_client):
    make_idle_node(status="offline")
    text = shown(admin_client)
    assert "No node can take a peer: 1 offline." in text
    assert "1 node: offline" in text


@pytest.mark.parametrize("query", [{"peers": "1001"}, {"peers": "x"}, {"strategy": "odd"}])
def test_what_cannot_be_asked_is_said_at_its_field(admin_client, query):
    make_idle_node()
    text = shown(admin_client, **query)
    assert "errorlist" in text
    assert "The next peer goes to" not in text


def test_many_takers_are_cut_off_with_a_word(admin_client):
    for _ in range(25):
        make_idle_node()
    assert "5 more nodes would take peers too." in shown(admin_client, peers=25)


def test_a_hostile_name_is_text(admin_client):
    node = make_idle_node()
    Node.objects.filter(pk=node.pk).update(name='"><script>alert(1)</script>')
    assert "<script>alert(1)" not in shown(admin_client)


def test_only_who_may_view_nodes_sees_it_or_its_link(client):
    assert "/admin/login/" in client.get(PAGE).url
    client.force_login(make_staff("groups.view_nodegroup"))
    assert client.get(PAGE).status_code == 403
    assert PAGE not in client.get(reverse("admin:index")).content.decode()
    client.force_login(make_staff("nodes.view_node"))
    make_idle_node()
    assert "The next peer goes to" in shown(client)
    assert PAGE in client.get(reverse("admin:index")).content.decode()


@pytest.mark.parametrize("nodes", [1, 30])
def test_it_costs_the_same_for_any_fleet(admin_client, django_assert_num_queries, nodes):
    for _ in range(nodes):
        make_idle_node()
    with django_assert_num_queries(7):
        shown(admin_client, peers=30)
