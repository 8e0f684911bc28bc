"""A zip of many files: every peer is in it or in its index with the reason."""

import csv
import io
import re
import zipfile

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from peers.configuration import archive
from peers.configuration.client_conf import parse
from peers.models import Peer
from peers.tests.builders import make_interface, make_key, make_peer

pytestmark = pytest.mark.django_db


def zip_of(peers=None):
    chunks = archive.stream(Peer.objects.all() if peers is None else peers)
    return zipfile.ZipFile(io.BytesIO(b"".join(chunks)))


def index_of(opened):
    return list(csv.DictReader(io.StringIO(opened.read("index.csv").decode(), newline="")))


def test_each_file_is_the_one_its_peer_would_get():
    peers = {"phone": make_peer(name="phone", private_key=make_key()), "tablet": make_peer()}
    opened = zip_of()
    assert opened.testzip() is None
    assert (
        parse(opened.read("phone.conf").decode()).private_key == peers["phone"].private_key.reveal()
    )
    assert len(opened.namelist()) == 3


def test_the_names_differ_without_regard_to_case_and_lead_to_no_other_folder():
    names = [
        "Zoë", "Zoe", "ZOE", "ann/../../etc/passwd", "..", "con", "index", "😀", "-rf", ".hidden",
        "laptop-of-a-person-with-a-long-name-A", "Laptop-of-A-person-with-a-long-name-A",
    ]  # fmt: skip
    interface = make_interface()
    for name in names:
        make_peer(interface=interface, name=name)
    found = [name for name in zip_of().namelist() if name != "index.csv"]
    assert len({name.lower() for name in found}) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_=+][A-Za-z0-9_=+.-]{0,14}\.conf", name) for name in found)
    assert not any(".." in name for name in found)


def test_the_index_says_which_file_is_whose_and_why_there_is_none():
    make_peer(name="phone", private_key=make_key())
    make_peer(name="router")
    make_peer(name="new", interface=make_interface(public_key=""))
    rows = {row["name"]: row for row in index_of(zip_of())}
    assert rows["phone"]["file"] == "phone.conf"
    assert rows["phone"]["note"] == ""
    assert rows["phone"]["addresses"] == "10.20.0.2 fd12:3456:789a::2"
    assert "private key" in rows["router"]["note"]
    assert rows["new"]["file"] == ""
    assert "not made the key" in rows["new"]["note"]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_no_cell_of_the_index_is_a_formula(name):
    make_peer(name=name)
    (row,) = index_of(zip_of())
    assert row["name"] == f"'{name}"


def test_what_is_in_the_zip_is_noted_as_delivered_and_nothing_else():
    given, other = make_peer(), make_peer()
    unfit = make_peer(interface=make_interface(public_key=""))
    zip_of(Peer.objects.exclude(pk=other.pk))
    delivered = Peer.objects.exclude(delivered_at=None)
    assert set(delivered) == {given}
    assert unfit not in delivered


def test_files_are_readable_by_their_owner_only():
    make_peer()
    assert {entry.external_attr >> 16 for entry in zip_of().infolist()} == {0o600}


def test_a_zip_of_nobody_has_an_empty_index():
    opened = zip_of()
    assert opened.namelist() == ["index.csv"]
    assert index_of(opened) == []


def test_a_zip_comes_in_portions_and_costs_a_few_queries_each(monkeypatch):
    monkeypatch.setattr(archive, "_BATCH", 5)
    interface = make_interface()
    for _ in range(12):
        make_peer(interface=interface)
    zip_of()
    with CaptureQueriesContext(connection) as asked:
        portions = list(archive.stream(Peer.objects.all()))
    assert len(portions) == 4
    assert all(portions)
    assert len(asked) <= 1 + 3 * 6
