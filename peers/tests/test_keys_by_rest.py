"""Keys with / and + are keys like others on every route, and what is no key is refused."""

import datetime as dt
import json
from pathlib import Path
from urllib.parse import quote

import pytest
from django.utils import timezone

from nodes.tests.builders import make_online_node
from peers.models import Address, Peer
from peers.tests.builders import make_interface, make_peer

pytestmark = pytest.mark.django_db
LIST = "/api/v1/peers/"
CASES = Path(__file__).parent / "cases"
KEYS = (CASES / "public-keys.txt").read_text().split()
BAD = json.loads((CASES / "bad-keys.json").read_text())["cases"]
OWN_KEY = next(it["public_key"] for it in BAD if it["why"].startswith("own"))


@pytest.fixture
def interface():
    soon = timezone.now() + dt.timedelta(hours=1)  # a report that stays fresh for 200 creations
    node = make_online_node(max_peers=250, reported_at=soon)
    pools = {"pool_v4": "", "address_v4": "", "pool_v6": "2001:db8:21::/64"}
    return make_interface(
        node=node, public_key=OWN_KEY, address_v6="2001:db8:21::1", **pools
    )  # fmt: skip


def post(api, key):
    return api.post(LIST, {"name": "x", "public_key": key})


def test_the_keys_are_those_that_break_addresses():
    assert len(set(KEYS)) == 200
    assert sum("/" in key or "+" in key for key in KEYS) > 100
    assert {key[42] for key in KEYS} == set("AEIMQUYcgkosw048")


def test_each_of_200_keys_is_created_found_renamed_and_removed(api, interface):
    answers = {key: post(api, key) for key in KEYS}
    assert {answer.status_code for answer in answers.values()} == {201}
    for key, answer in answers.items():
        path = f"{LIST}{answer.json()['id']}/"
        assert api.get(path).json()["public_key"] == key
        assert api.patch(path, {"name": "renamed"}).json()["public_key"] == key
        (found,) = api.get(f"{LIST}?public_key={quote(key, safe='')}").json()["results"]
        assert found["id"] == answer.json()["id"]
        assert api.get(f"{path}config/").status_code == 200
        assert api.delete(path).status_code == 204
    interface.refresh_from_db()
    assert Peer.objects.existing().count() == Peer.objects.in_document().count() == 0


@pytest.mark.parametrize("key", KEYS[:20])
def test_a_raw_key_in_a_query_finds_its_peer_or_nothing(api, key):
    make_peer(public_key=key), make_peer()
    answer = api.get(f"{LIST}?public_key={key}")
    assert answer.status_code == 200
    assert [row["public_key"] for row in answer.json()["results"]] in ([key], [])


@pytest.mark.parametrize("case", BAD, ids=[case["why"] for case in BAD])
def test_what_is_no_key_is_refused_and_costs_no_address(api, interface, case):
    answer = post(api, case["public_key"])
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["public_key"])
    assert (Peer.objects.count(), Address.objects.count()) == (0, 0)
    interface.refresh_from_db()
    assert interface.desired_generation == 1
    assert post(api, KEYS[0]).json()["addresses"] == ["2001:db8:21::2"]


def test_a_preshared_key_of_zeros_means_none(api, interface):
    body = {"name": "x", "public_key": KEYS[0], "preshared_key": "A" * 43 + "="}
    told = api.post(LIST, body).json()
    assert "PresharedKey" not in told["config"]
    assert Peer.objects.get().preshared_key is None
