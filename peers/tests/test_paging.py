"""Pages of a search."""

import pytest

from peers.models import Peer
from peers.paging import SearchPaginator
from peers.tests.builders import make_interface, make_peer

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("peers", "queries"), [(0, 1), (3, 1), (4, 3)])
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
