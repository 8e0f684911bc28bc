"""What the REST API tells of interfaces."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from nodes.models import Interface
from nodes.tests.builders import make_group, make_online_node
from peers.interfaces import views as interface_views
from peers.tests.builders import make_interface, make_peer, make_reservation

pytestmark = pytest.mark.django_db
LIST = "/api/v1/interfaces/"


def names(answer) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [f"{row['node_name']}/{row['name']}" for row in answer.json()["results"]]


def detail(interface) -> str:
    return f"{LIST}{interface.pk}/"


def test_an_interface_tells_what_is_desired_and_what_its_node_confirmed(api):
    interface = make_interface(desired_generation=7, observed_generation=5, condition="pending")
    told = api.get(detail(interface)).json()
    assert (told["desired_generation"], told["observed_generation"]) == (7, 5)
    assert (told["condition"], told["public_key"]) == ("pending", interface.public_key)
    assert (told["node"], told["group"]) == (str(interface.node_id), None)


def test_the_use_of_its_pools_is_told_in_addresses(api):
    interface = make_interface(pool_v4="192.0.2.0/27", address_v4="192.0.2.1")
    make_reservation(interface=interface, first_offset=20, last_offset=24)
    kept, gone = make_peer(interface=interface), make_peer(interface=interface)
    resting = {"released_at": timezone.now(), "rests_until": timezone.now()}
    gone.addresses.filter(family=4).update(**resting)
    (v4, v6) = api.get(detail(interface)).json()["pools"]
    assert v4 == {
        "pool": "192.0.2.0/27", "hosts": 29, "held": 1, "resting": 1, "reserved": 5, "free": 22,
    }  # fmt: skip
    assert (v6["held"], v6["resting"], v6["hosts"] > 2**62) == (2, 0, True)
    assert kept.addresses.count() == 2


def test_an_interface_counts_the_peers_that_nobody_removed(api):
    interface = make_interface()
    make_peer(interface=interface, enabled=False)
    make_peer(interface=interface, removed_at=timezone.now())
    assert api.get(detail(interface)).json()["peers"] == 1
    assert api.get(LIST).json()["results"][0]["peers"] == 1


def test_a_removed_interface_is_not_there(api):
    interface = make_interface(removed_at=timezone.now())
    assert names(api.get(LIST)) == []
    assert api.get(detail(interface)).status_code == 404


def test_a_list_costs_the_same_queries_for_one_interface_and_for_thirty(api):
    def count():
        with CaptureQueriesContext(connection) as queries:
            assert api.get(LIST).status_code == 200
        assert "health_json" not in str(queries.captured_queries)
        return len(queries)

    make_peer()
    one = count()
    for _ in range(29):
        make_peer(interface=make_interface(node=make_online_node(group=make_group())))
    assert count() == one == 2


@pytest.fixture
def fleet():
    europe = make_online_node(name="europe-1", group=make_group(name="Europe"))
    asia = make_online_node(name="asia-2")
    make_peer(interface=make_interface(node=europe, desired_generation=2, condition="pending"))
    make_interface(node=europe, endpoint_host="office.example.net", policy="alert")
    make_interface(node=asia, condition="drifted")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "asia-2/wg0 europe-1/wg0 europe-1/wg1"),
        ("group=Europe", "europe-1/wg0 europe-1/wg1"),
        ("group=none", "asia-2/wg0"),
        ("name=wg1", "europe-1/wg1"),
        ("condition=drifted", "asia-2/wg0"),
        ("condition=lost", ""),
        ("policy=alert", "europe-1/wg1"),
        ("accepts_peers=true", "asia-2/wg0 europe-1/wg0"),
        ("pending=1", "europe-1/wg0"),
        ("pending=false", "asia-2/wg0 europe-1/wg1"),
        ("search=office", "europe-1/wg1"),
        ("search=asia-2", "asia-2/wg0"),
        ("ordering=-peers,-node,name", "europe-1/wg0 europe-1/wg1 asia-2/wg0"),
        ("ordering=condition,-name&page_size=1&page=2", "europe-1/wg1"),
    ],
)
@pytest.mark.usefixtures("fleet")
def test_interfaces_are_filtered_searched_ordered_and_paged(api, query, expected):
    assert " ".join(names(api.get(f"{LIST}?{query}"))) == expected


@pytest.mark.usefixtures("fleet")
def test_interfaces_of_one_node_are_found(api):
    node = Interface.objects.filter(node__name="asia-2").get().node
    assert names(api.get(f"{LIST}?node={node.pk}")) == ["asia-2/wg0"]


@pytest.mark.parametrize("field", sorted(interface_views.InterfaceViewSet.ordering_fields))
def test_pages_of_equal_rows_neither_repeat_nor_miss_one(api, field):
    wanted = {str(make_interface().pk) for _ in range(5)}
    pages = [api.get(f"{LIST}?ordering={field}&page_size=2&page={n}").json() for n in (1, 2, 3)]
    shown = [row["id"] for page in pages for row in page["results"]]
    assert (len(shown), set(shown)) == (5, wanted)


@pytest.mark.parametrize(
    "query",
    ["node=x", "group=Atlantis", "condition=fine", "policy=x", "accepts_peers=x", "pending=x",
     "name=%00", "name=" + "x" * 16, "ordering=epoch", "search=" + "x" * 101],
)  # fmt: skip
def test_a_query_that_cannot_be_used_is_refused_and_the_parameter_named(api, query):
    answer = api.get(f"{LIST}?{query}")
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [query.split("=")[0]]
