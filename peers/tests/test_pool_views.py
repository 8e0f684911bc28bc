"""Reserved addresses and overlapping pools, by REST and on pages."""

import re

import pytest
from django.urls import reverse

from accounts.tests.builders import make_staff
from peers.models import AddressReservation
from peers.tests.builders import make_interface, make_reservation

pytestmark = pytest.mark.django_db
OVERLAPS = "/api/v1/interfaces/overlaps/"


def path(interface) -> str:
    return f"/api/v1/interfaces/{interface.pk}/reservations/"


def page(interface, name="change") -> str:
    return reverse(f"admin:nodes_interface_{name}", args=[interface.pk])


def test_addresses_are_reserved_listed_and_given_back(api):
    interface = make_interface()
    body = {"first": "10.20.0.100", "last": "10.20.0.199", "note": "printers"}
    made = api.post(path(interface), body, format="json")
    assert (made.status_code, made.json()["family"]) == (201, 4)
    (listed,) = api.get(path(interface)).json()["results"]
    assert {**listed, **body} == listed
    assert api.get(f"/api/v1/interfaces/{interface.pk}/").json()["pools"][0]["reserved"] == 100
    assert api.delete(f"{path(interface)}{listed['id']}/").status_code == 204
    assert api.get(path(interface)).json()["results"] == []


def test_one_address_needs_no_last(api):
    made = api.post(path(make_interface()), {"first": "fd12:3456:789a::5"}, format="json").json()
    assert (made["first"], made["last"], made["family"]) == (
        "fd12:3456:789a::5", "fd12:3456:789a::5", 6,
    )  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"first": "10.99.0.1"},
        {"first": "10.20.0.9", "last": "10.20.0.8"},
        {"first": "10.20.0.9", "last": "fd12:3456:789a::5"},
        {"first": "fe80::1%a\nb"},
        {"first": "10.20.0.9", "note": "two\nlines"},
        {"first": 7, "last": []},
    ],
)
def test_what_cannot_be_reserved_is_refused(api, body):
    assert api.post(path(make_interface()), body, format="json").status_code == 400
    assert not AddressReservation.objects.exists()


@pytest.mark.parametrize("number", ["0", "9" * 30, "x"])
def test_a_reservation_that_is_not_there_is_404(api, number):
    assert api.delete(f"{path(make_interface())}{number}/").status_code == 404


def test_a_reservation_goes_by_its_own_interface_only(api):
    row = make_reservation(interface=make_interface(), first_offset=9, last_offset=9)
    other = make_interface(pool_v4="10.30.0.0/16", pool_v6="")
    assert api.delete(f"{path(other)}{row.pk}/").status_code == 404


def test_pools_that_overlap_are_told_with_whose_they_are(api):
    wide = make_interface(pool_v4="10.0.0.0/8", pool_v6="")
    narrow = make_interface(pool_v4="10.20.0.0/16", pool_v6="")
    make_interface(pool_v4="192.168.0.0/24", pool_v6="")
    (overlap,) = api.get(OVERLAPS).json()
    assert [it["interface"] for it in overlap["pools"]] == [str(wide.pk), str(narrow.pk)]
    assert overlap["pools"][1]["what"] == f"the pool of {narrow.node.name}/{narrow.name}"


def later(client, address):
    """What a page asks for once it is there."""
    page = client.get(address).content.decode()
    (asked,) = re.findall(r'hx-get="([^"]*/overlaps?/)" hx-trigger="load"', page)
    answer = client.get(asked)
    assert answer.status_code == 200
    return answer.content.decode()


def test_pages_tell_overlaps_once_they_are_there(admin_client):
    first = make_interface(pool_v4="10.0.0.0/8", pool_v6="")
    make_interface(pool_v4="10.20.0.0/16", pool_v6="", node=None, name="wg7")
    lonely = make_interface(pool_v4="192.168.0.0/24", pool_v6="")
    assert "Pools overlap" in later(admin_client, reverse("admin:nodes_interface_changelist"))
    assert "overlap others:</strong> 10.20.0.0/16" in later(admin_client, page(first))
    assert later(admin_client, page(lonely)).strip() == ""


@pytest.mark.parametrize("name", ["nodes_interface_overlaps", "nodes_interface_overlap"])
def test_who_may_not_see_interfaces_is_told_no_overlap(client, name):
    client.force_login(make_staff("nodes.view_node"))
    arguments = [make_interface().pk] if name.endswith("overlap") else []
    assert client.get(reverse(f"admin:{name}", args=arguments)).status_code == 403


def test_the_page_reserves_and_gives_back(admin_client):
    interface = make_interface()
    admin_client.post(page(interface, "reserve"), {"first": "10.20.0.9", "note": "router"})
    row = AddressReservation.objects.get()
    told = admin_client.get(page(interface)).content.decode()
    assert "10.20.0.9" in told
    assert "router" in told
    admin_client.post(page(interface, "unreserve"), {"reservation": row.pk})
    assert not AddressReservation.objects.exists()


@pytest.mark.parametrize("body", [{}, {"first": "x"}, {"first": "10.20.0.9", "note": "\x07"}])
def test_the_page_says_what_cannot_be_reserved(admin_client, body):
    interface = make_interface()
    answer = admin_client.post(page(interface, "reserve"), body, follow=True)
    assert [message.level_tag for message in answer.context["messages"]] == ["error"]
    assert not AddressReservation.objects.exists()


def test_who_may_not_change_interfaces_reserves_nothing(client):
    client.force_login(make_staff("nodes.view_interface"))
    interface = make_interface()
    answer = client.post(page(interface, "reserve"), {"first": "10.20.0.9"})
    assert answer.status_code == 403
