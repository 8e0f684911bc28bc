"""The file of a peer, taken through the REST API."""

import csv
import datetime as dt
import io
import json
import zipfile
from pathlib import Path

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.tests.builders import make_staff
from peers.configuration import client_conf
from peers.models import Peer
from peers.tests import codes
from peers.tests.builders import make_interface, make_key, make_peer

pytestmark = pytest.mark.django_db
ROUTES = (Path(__file__).parent / "cases" / "routes.txt").read_text().split()
NOBODY = "0f8fad5b-d9cb-469f-a165-70867728950e"
PRIVATE_KEY = "EMFeGkgPPNfTyyJqDxe7scksRdDYpHyEbOz4I3EU1VA="


def path(peer, what: str) -> str:
    return f"/api/v1/peers/{peer.pk}/{what}/"


def make_peer_with_routes(count: int) -> Peer:
    interface = make_interface(client_allowed_ips=", ".join(ROUTES[:count]))
    return make_peer(interface=interface, private_key=PRIVATE_KEY)


def test_the_file_comes_under_a_name_that_every_client_takes(api):
    peer = make_peer(name="Büro: Frau Müller", private_key=PRIVATE_KEY)
    answer = api.get(path(peer, "config"))
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/plain")
    name = answer["Content-Disposition"].removeprefix('attachment; filename="')
    assert name.endswith('.conf"')
    assert len(name) <= len('.conf"') + 15
    conf = client_conf.parse(answer.content.decode())
    assert (conf.private_key, conf.public_key) == (PRIVATE_KEY, peer.interface.public_key)


@pytest.mark.parametrize("what", ["config", "qr"])
def test_who_takes_the_file_holds_it_and_nothing_else_keeps_it(api, what):
    peer = make_peer(private_key=PRIVATE_KEY)
    answer = api.get(path(peer, what), headers={"accept": "text/html"})
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert answer["Referrer-Policy"] == "no-referrer"
    peer.refresh_from_db()
    assert peer.delivered_at is not None
    assert not Peer.objects.outdated().exists()


@pytest.mark.parametrize("what", ["config", "qr"])
@pytest.mark.parametrize("right", ["peers.view_peer", "peers.change_peer"])
def test_seeing_or_changing_a_peer_is_no_right_to_its_keys(what, right):
    client = APIClient()
    client.force_authenticate(make_staff(right, "peers.add_peer"))
    answer = client.get(path(make_peer(private_key=PRIVATE_KEY), what))
    assert (answer.status_code, answer.json()["error"]) == (403, "permission_denied")
    assert Peer.objects.get().delivered_at is None


@pytest.mark.parametrize("what", ["config", "qr"])
def test_the_right_to_configurations_is_enough_together_with_that_to_see_peers(what):
    client = APIClient()
    client.force_authenticate(make_staff("peers.view_peer", "peers.view_configuration"))
    assert client.get(path(make_peer(private_key=PRIVATE_KEY), what)).status_code == 200


@pytest.mark.parametrize("what", ["config", "qr"])
def test_a_peer_that_is_gone_has_no_file(api, what):
    peer = make_peer(removed_at=timezone.now())
    for gone in (peer, Peer(pk=NOBODY)):
        answer = api.get(path(gone, what))
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


@pytest.mark.parametrize("what", ["config", "qr"])
def test_an_expired_peer_has_its_file_back_when_it_is_extended(api, what):
    peer = make_peer(private_key=PRIVATE_KEY, expires_at=timezone.now() - dt.timedelta(1))
    answer = api.get(path(peer, what))
    assert (answer.status_code, answer.json()["error"]) == (409, "peer_expired")
    Peer.objects.update(expires_at=timezone.now() + dt.timedelta(1))
    assert api.get(path(peer, what)).status_code == 200


@pytest.mark.parametrize("what", ["config", "qr"])
def test_there_is_no_file_before_the_node_has_made_its_key(api, what):
    peer = make_peer(interface=make_interface(public_key=""))
    answer = api.get(path(peer, what))
    assert (answer.status_code, answer.json()["error"]) == (409, "no_configuration")
    assert Peer.objects.get().delivered_at is None


@pytest.mark.parametrize("count", [1, 69, 110, 130])
def test_a_code_has_the_bytes_of_the_file(api, count):
    peer = make_peer_with_routes(count)
    code, file = api.get(path(peer, "qr")), api.get(path(peer, "config"))
    assert code["Content-Type"] == "image/svg+xml"
    assert code.content.startswith(b'<svg xmlns="http://www.w3.org/2000/svg" ')
    assert codes.decode(codes.modules_of(code.content.decode())) == file.content
    assert ("X-Warning" in code) is (count > 1)


def test_what_is_too_long_for_a_code_is_told_so_and_still_a_file(api):
    peer = make_peer_with_routes(162)
    answer = api.get(path(peer, "qr"))
    assert (answer.status_code, answer.json()["error"]) == (409, "no_qr_code")
    assert "of 2953 bytes" in answer.json()["detail"]
    assert Peer.objects.get().delivered_at is None
    assert api.get(path(peer, "config")).status_code == 200


def test_without_the_private_key_there_is_a_file_to_complete_but_no_code(api):
    peer = make_peer()
    assert client_conf.PLACEHOLDER in api.get(path(peer, "config")).content.decode()
    assert api.get(path(peer, "qr")).json()["error"] == "no_qr_code"


def test_what_is_not_set_is_not_written(api):
    bare = make_interface(dns="", mtu=None, keepalive=0)
    text = api.get(path(make_peer(interface=bare, preshared_key=None), "config")).content.decode()
    keys = [line.partition(" =")[0] for line in text.splitlines() if " = " in line]
    assert keys == ["PrivateKey", "Address", "PublicKey", "AllowedIPs", "Endpoint"]


def test_a_peer_whose_key_has_slashes_has_its_file_like_any_other(api):
    peer = make_peer(public_key="/+8aZ0rkVsLqTBVsRLtS5/8xGFyxcTkHbnhv/tCvBUM=")
    other = make_peer(interface=peer.interface, public_key=make_key())
    assert [api.get(path(it, "config")).status_code for it in (peer, other)] == [200, 200]


# --- many at once -------------------------------------------------------------------------------


def export(api, **body):
    path = "/api/v1/peers/export/"
    return api.post(path, json.dumps(body), content_type="application/json")


def files_of(answer) -> dict[str, str]:
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
    archive = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
    return {name: archive.read(name).decode() for name in archive.namelist()}


def test_the_files_of_many_peers_come_as_one_zip_with_an_index(api):
    interface = make_interface()
    chosen = [make_peer(name=name, interface=interface, tags=["x"]) for name in ("a", "b")]
    other = make_peer(interface=interface)
    answer = export(api, filter={"tag": "x"})
    assert answer["Cache-Control"] == "no-store"
    files = files_of(answer)
    assert set(files) == {"a.conf", "b.conf", "index.csv"}
    rows = list(csv.DictReader(io.StringIO(files["index.csv"])))
    assert {(row["name"], row["file"]) for row in rows} == {("a", "a.conf"), ("b", "b.conf")}
    assert {peer.pk for peer in Peer.objects.exclude(pk=other.pk) if peer.delivered_at} == {
        peer.pk for peer in chosen
    }


def test_peers_named_by_id_are_exported_and_a_removed_one_is_not(api):
    peer, gone = make_peer(name="a"), make_peer(removed_at=timezone.now())
    assert set(files_of(export(api, ids=[str(peer.pk)]))) == {"a.conf", "index.csv"}
    answer = export(api, ids=[str(peer.pk), str(gone.pk)])
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["ids"])


@pytest.mark.parametrize("body", [{}, {"filter": {}}, {"filter": {"tga": "x"}}, {"ids": []}])
def test_a_slip_exports_nothing(api, body):
    make_peer()
    assert export(api, **body).status_code == 400
    assert Peer.objects.get().delivered_at is None


def test_seeing_and_changing_peers_is_no_right_to_export_them():
    client = APIClient()
    client.force_authenticate(make_staff("peers.view_peer", "peers.change_peer"))
    assert export(client, ids=[str(make_peer().pk)]).status_code == 403
