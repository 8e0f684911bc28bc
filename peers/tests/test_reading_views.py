"""What the REST API tells of peers: lists, filters, search, order, pages."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from nodes.tests.builders import make_group, make_online_node
from peers import views
from peers.models import Peer
from peers.tests.builders import make_interface, make_peer

pytestmark = pytest.mark.django_db
LIST = "/api/v1/peers/"
SLASHED = "/+8aZ0rkVsLqTBVsRLtS5/8xGFyxcTkHbnhv/tCvBUM="


def names(answer) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["name"] for row in answer.json()["results"]]


def detail(peer) -> str:
    return f"{LIST}{peer.pk}/"


def test_a_peer_is_told_with_its_place_and_its_addresses(api):
    node = make_online_node(name="fra1", group=make_group(name="Europe"))
    peer = make_peer(name="laptop", interface=make_interface(node=node))
    told = api.get(detail(peer)).json()
    assert (told["node_name"], told["group_name"], told["interface_name"]) == (
        "fra1", "Europe", "wg0",
    )  # fmt: skip
    assert told["addresses"] == ["10.20.0.2", "fd12:3456:789a::2"]
    assert told["node"] == str(node.pk)
    assert told["public_key"] == peer.public_key


def test_a_peer_that_never_shook_hands_has_no_handshake_instead_of_1970(api):
    told = api.get(detail(make_peer())).json()
    assert (told["last_handshake_at"], told["status"]) == (None, "never")


def test_a_peer_outside_any_group_says_so(api):
    told = api.get(detail(make_peer())).json()
    assert (told["group"], told["group_name"]) == (None, None)


def test_each_reason_for_being_off_is_told_by_itself(api):
    past = timezone.now() - dt.timedelta(hours=1)
    told = api.get(detail(make_peer(enabled=False, expires_at=past))).json()
    assert (told["status"], told["reasons_off"]) == ("disabled", ["disabled", "expired"])


def test_a_peer_is_confirmed_once_its_node_has_its_generation(api):
    interface = make_interface(observed_generation=4)
    old, new = (make_peer(interface=interface, generation=number) for number in (4, 5))
    assert [api.get(detail(peer)).json()["is_confirmed"] for peer in (old, new)] == [True, False]


def test_a_released_address_is_not_the_peers_any_more(api):
    peer = make_peer()
    peer.addresses.filter(family=4).update(released_at=timezone.now())
    assert api.get(detail(peer)).json()["addresses"] == ["fd12:3456:789a::2"]


def test_a_removed_peer_is_not_there(api):
    peer = make_peer(removed_at=timezone.now())
    assert names(api.get(LIST)) == []
    assert api.get(detail(peer)).status_code == 404


def test_no_answer_has_a_secret_or_its_sealed_form(api):
    peer = make_peer(private_key="EMFeGkgPPNfTyyJqDxe7scksRdDYpHyEbOz4I3EU1VA=")
    for answer in (api.get(LIST), api.get(detail(peer))):
        text = answer.content.decode()
        assert "preshared" not in text
        assert "private" not in text
        for secret in (peer.preshared_key, peer.private_key):
            assert secret.reveal() not in text
            assert secret.seal() not in text


def test_a_list_costs_the_same_queries_for_one_peer_and_for_fifty(api):
    def count(query=""):
        with CaptureQueriesContext(connection) as queries:
            assert api.get(LIST + query).status_code == 200
        return len(queries)

    make_peer()
    one = count()
    interface = make_interface(node=make_online_node(group=make_group()))
    for _ in range(49):
        make_peer(interface=interface)
    assert count() == one == 4
    assert count("?search=peer&status=never&group=none") == 2  # all on one page


def test_a_list_reads_no_secret_and_no_report_of_a_node(api):
    make_peer()
    with CaptureQueriesContext(connection) as queries:
        api.get(LIST)
    text = " ".join(query["sql"] for query in queries)
    assert '"public_key"' in text
    assert '"preshared_key"' not in text
    assert '"private_key"' not in text
    assert '"health_json"' not in text
    assert '"secret"' not in text


@pytest.fixture
def crowd():
    """Six peers on two nodes, each with something of its own."""
    now = timezone.now()
    hour = dt.timedelta(hours=1)
    group = make_group(name="Europe")
    here = make_interface(node=make_online_node(name="n1", group=group))
    there = make_interface(
        node=make_online_node(name="n2"), pool_v4="10.9.0.0/24", address_v4="10.9.0.1"
    )
    make_peer(name="a", interface=here, last_handshake_at=now, tags=["sales", "new york"])
    make_peer(name="b", interface=here, last_handshake_at=now - hour, public_key=SLASHED)
    make_peer(name="c", interface=here, tags=["sales2"], rx_bytes=7)
    make_peer(name="d", interface=there, enabled=False, expires_at=now - hour)
    make_peer(name="e", interface=there, expires_at=now - hour, last_handshake_at=now - hour / 60)
    make_peer(name="f", interface=there, expires_at=now + hour, tags=["büro"], rx_bytes=9)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "abcdef"),
        ("status=online", "a"),
        ("status=offline", "b"),
        ("status=never", "cf"),
        ("status=disabled", "d"),
        ("status=expired", "e"),
        ("enabled=false", "d"),
        ("group=Europe", "abc"),
        ("group=none", "def"),
        ("tag=sales", "a"),
        ("tag=new%20york", "a"),
        ("tag=b%C3%BCro", "f"),
        ("tag=new", ""),
        ('tag=sales"', ""),
        ("search=sales", "ac"),
        ("search=sales%20york", "a"),
        ("search=b%C3%BCro", "f"),
        ("search=10.20.0.3", "b"),
        ("search=10.9.0.2", "d"),
        ("search=fd12:3456:789a::4", "cf"),
        ("search=FD12:3456:789A:0::2", "ad"),
        ("search=10.20.0.99", ""),
        ("search=%2F%2B8aZ0rk", "b"),
        ("search=%25", ""),
        ("search=_", ""),
        ("public_key=%2F%2B8aZ0rkVsLqTBVsRLtS5%2F8xGFyxcTkHbnhv%2FtCvBUM%3D", "b"),
        ("public_key=/+8aZ0rkVsLqTBVsRLtS5/8xGFyxcTkHbnhv/tCvBUM=", ""),
        ("ordering=-name", "fedcba"),
        ("ordering=-rx_bytes,name", "fcabde"),
        ("ordering=expires_at,-name", "edfcba"),
        ("ordering=-node,name", "defabc"),
        ("ordering=-last_handshake_at,name", "aebcdf"),
        ("page_size=2&page=2", "cd"),
    ],
)
@pytest.mark.usefixtures("crowd")
def test_peers_are_filtered_searched_ordered_and_paged(api, query, expected):
    assert names(api.get(f"{LIST}?{query}")) == list(expected)


@pytest.mark.usefixtures("crowd")
def test_peers_of_one_node_and_of_one_interface_are_found(api):
    interface = Peer.objects.get(name="d").interface
    assert names(api.get(f"{LIST}?interface={interface.pk}")) == ["d", "e", "f"]
    assert names(api.get(f"{LIST}?node={interface.node_id}")) == ["d", "e", "f"]


def test_a_search_finds_no_brackets_around_tags_that_are_not_there(api):
    make_peer(name="bare", tags=[])
    assert names(api.get(f"{LIST}?search=[")) == []


@pytest.mark.parametrize("field", sorted(views.PeerViewSet.ordering_fields))
def test_pages_of_equal_rows_neither_repeat_nor_miss_one(api, field):
    interface = make_interface()
    wanted = {make_peer(interface=interface).name for _ in range(5)}
    pages = [names(api.get(f"{LIST}?ordering=-{field}&page_size=2&page={n}")) for n in (1, 2, 3)]
    shown = [name for page in pages for name in page]
    assert (len(shown), set(shown)) == (5, wanted)


@pytest.mark.parametrize(
    "query",
    [
        "group=Atlantis", "group=a%00b", "node=x", "interface=%00", "status=fine", "status=ONLINE",
        "enabled=maybe", "tag=%00", "tag=" + "x" * 65, "search=%00", "search=" + "x" * 101,
        "public_key=%00", "public_key=" + "x" * 45, "ordering=preshared_key",
        "ordering=interface__node__name", "ordering=name,name",
    ],
)  # fmt: skip
def test_a_query_that_cannot_be_used_is_refused_and_the_parameter_named(api, query):
    answer = api.get(f"{LIST}?{query}")
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [query.split("=")[0]]
