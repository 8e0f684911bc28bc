"""Pages of peers: none is repeated or missed, and a far one costs no more than a near one."""

import re

import pytest
from django.db import connection
from django.urls import reverse

from nodes.paging import KeyPaginator
from peers.models import Peer
from peers.paging import SearchPaginator
from peers.tests.builders import make_interface, make_peer

pytestmark = pytest.mark.django_db
ADMIN, REST = reverse("admin:peers_peer_changelist"), "/api/v1/peers/"
INTERFACES = reverse("admin:nodes_interface_changelist")


@pytest.fixture
def namesakes():
    """Seven peers of three names on one interface, in the order of the list; others around them."""
    interface = make_interface()
    for number in range(7):
        make_peer(interface=interface, name=f"peer-{number % 3}")
        make_peer(interface=make_interface(), name=f"peer-{number % 3}")
    return list(interface.peers.order_by("name", "id"))


def rest_page(client, **query):
    answer = client.get(REST, query)
    assert answer.status_code == 200
    return [row["id"] for row in answer.json()["results"]]


def admin_page(client, path=ADMIN, **query):
    answer = client.get(path, query)
    assert answer.status_code == 200
    linked = re.findall(rf'<a href="{path}([0-9a-f-]{{36}})/change/', answer.content.decode())
    return list(dict.fromkeys(linked))


@pytest.mark.parametrize("kind", ["interface", "node"])
def test_the_pages_by_rest_together_are_the_list(admin_client, namesakes, kind):
    narrowed = {"interface": namesakes[0].interface_id, "node": namesakes[0].interface.node_id}
    query = {kind: narrowed[kind], "page_size": 3}
    pages = [rest_page(admin_client, page=number, **query) for number in (1, 2, 3)]
    assert [len(page) for page in pages] == [3, 3, 1]
    assert sum(pages, []) == [str(peer.pk) for peer in namesakes]


def test_the_pages_in_the_admin_together_are_the_list(admin_client, namesakes, monkeypatch):
    monkeypatch.setattr("peers.admin.PeerAdmin.list_per_page", 3)
    query = {"interface__node__id__exact": namesakes[0].interface.node_id}
    pages = [admin_page(admin_client, p=number, **query) for number in (1, 2, 3)]
    assert [len(page) for page in pages] == [3, 3, 1]
    assert sum(pages, []) == [str(peer.pk) for peer in namesakes]


def test_the_last_page_backwards_begins_the_list(admin_client, namesakes):
    query = {"interface": namesakes[0].interface_id, "ordering": "-name", "page_size": 3}
    assert rest_page(admin_client, page=3, **query) == [str(namesakes[0].pk)]


def test_backwards_an_index_that_has_the_order_serves_too(
    admin_client, namesakes, django_assert_num_queries
):
    with django_assert_num_queries(6) as queries:
        rest_page(admin_client, ordering="-name", page=2, page_size=3)
    (skipping,) = [it["sql"] for it in queries.captured_queries if "OFFSET" in it["sql"]]
    order = skipping.partition("ORDER BY")[2]
    assert (order.count(" DESC"), order.count(" ASC"), order.count("NULLS")) == (2, 0, 0)


@pytest.mark.parametrize(("peers", "page"), [(1, 1), (9, 1), (9, 3)])
def test_every_page_takes_as_many_queries(
    admin_client, django_assert_num_queries, monkeypatch, peers, page
):
    monkeypatch.setattr("peers.admin.PeerAdmin.list_per_page", 3)
    interface = make_interface()
    for _ in range(peers):
        make_peer(interface=interface)
    with django_assert_num_queries(7):
        admin_page(admin_client, p=page)
    with django_assert_num_queries(6):
        rest_page(admin_client, page=page, page_size=3)


def test_the_pages_of_interfaces_together_are_the_list(
    admin_client, django_assert_num_queries, monkeypatch
):
    monkeypatch.setattr("peers.interfaces.admin.InterfaceAdmin.list_per_page", 2)
    made = [make_interface() for _ in range(5)]
    pages = []
    for number in (1, 2, 3):
        with django_assert_num_queries(6):  # none of them about pools that overlap
            pages.append(admin_page(admin_client, INTERFACES, p=number))
    in_order = sorted(made, key=lambda it: (it.node.name, it.name))
    assert pages == [[str(it.pk) for it in in_order[at : at + 2]] for at in (0, 2, 4)]


def test_a_page_is_found_by_an_index_that_has_its_order(namesakes):
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # it reads a table of a few rows whole
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
        peers = Peer.objects.existing().order_by("name", "id").values_list("pk")
        of_one = peers.on_node(namesakes[0].interface.node_id)
        assert "peer_listed" in peers[6:9].explain()
        assert "peer_listed_of_interface" in of_one[3:6].explain()


def test_the_rows_that_a_page_skips_are_not_read(namesakes, django_assert_num_queries):
    peers = Peer.objects.order_by("name", "id").select_related("interface__node")
    with django_assert_num_queries(3) as queries:
        assert len(KeyPaginator(peers, 3).page(4)) == 3
    (skipping,) = [it["sql"] for it in queries.captured_queries if "OFFSET" in it["sql"]]
    assert "JOIN" not in skipping
    assert "public_key" not in skipping


def test_what_is_no_node_is_refused_in_the_admin(admin_client):
    answer = admin_client.get(ADMIN, {"interface__node__id__exact": "\x00nonsense"})
    assert (answer.status_code, answer["Location"]) == (302, f"{ADMIN}?e=1")


@pytest.mark.parametrize(("peers", "queries"), [(0, 1), (3, 1), (4, 2)])
def test_what_fits_on_a_page_is_asked_for_once(peers, queries, django_assert_num_queries):
    interface = make_interface()
    made = [make_peer(interface=interface, name=f"peer-{number}") for number in range(peers)]
    with django_assert_num_queries(queries):
        paginator = SearchPaginator(Peer.objects.order_by("name"), 3)
        page = list(paginator.page(1))
    assert (paginator.count, page) == (peers, made[:3])


def test_the_second_page_has_the_rest():
    interface = make_interface()
    made = [make_peer(interface=interface, name=f"peer-{number}") for number in range(4)]
    assert list(SearchPaginator(Peer.objects.order_by("name"), 3).page(2)) == made[3:]


@pytest.mark.parametrize("path", ["/api/v1/peers/?search=lap", "/admin/peers/peer/?q=lap"])
def test_lists_search_once(admin_client, path, django_assert_max_num_queries):
    make_peer(name="laptop", interface=make_interface())
    with django_assert_max_num_queries(30) as queries:
        answer = admin_client.get(path)
    searches = [query for query in queries.captured_queries if "lap" in query["sql"]]
    assert ("laptop" in answer.content.decode(), len(searches)) == (True, 1)


def test_all_are_offered_only_where_some_are_left_out(admin_client, namesakes):
    def told(**query):
        return admin_client.get(ADMIN, query).content.decode()

    assert "Show all" not in told()
    assert "Show all" in told(q="nobody-of-this-name")
    assert "Show all" in told(standing="online")
