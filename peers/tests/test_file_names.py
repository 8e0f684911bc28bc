"""Files are called so that every client takes them, and nobody takes the wrong one."""

import re
import uuid

import pytest
from django.http.response import content_disposition_header
from hypothesis import given, settings
from hypothesis import strategies as st

from peers.configuration.file_names import file_name, stem, unique_names

PK = uuid.UUID("a1b2c3d4-0000-4000-8000-000000000001")
OTHER = uuid.UUID("ffff1111-0000-4000-8000-000000000002")
USABLE = re.compile(r"[A-Za-z0-9_=+.-]{1,15}")
DEVICES = {"con", "prn", "aux", "nul", *(f"{it}{n}" for it in ("com", "lpt") for n in range(10))}


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("Zoë", "Zoe"),
        ("ÉCLAIR", "ECLAIR"),
        ("Łukasz", "Lukasz"),
        ("Müller, Hans", "Muller-Hans"),
        ("Ann's iPhone 15 Pro Max", "Anns-iPhon-a1b2"),
        ("ann/../../etc/passwd", "ann-etc-passwd"),
        ("a", "a"),
        (".hidden", "hidden"),
        ("-rf", "rf"),
        ("con", "wg-con"),
        ("NUL.backup", "wg-NUL.backup"),
        ("   ", "wg-a1b2c3d4"),
        ("😀😀", "wg-a1b2c3d4"),
        ("日本語", "wg-a1b2c3d4"),
        ('x"; filename="y', "x-filename=-y"),
        ("x\r\nSet-Cookie: a", "x-Set-Cookie-a"),
        ("١٢٣", "wg-a1b2c3d4"),
    ],
)
def test_a_file_is_called_by_what_is_left_of_the_name(name, called):
    assert stem(name, PK) == called
    assert file_name(name, PK) == f"{called}.conf"


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=64))
def test_every_name_becomes_one_that_every_client_takes(name):
    called = stem(name, PK)
    assert USABLE.fullmatch(called)
    assert called[0] not in ".-"
    assert called.partition(".")[0].lower() not in DEVICES
    assert content_disposition_header(True, f"{called}.conf").isascii()


def test_two_long_names_that_begin_alike_stay_apart():
    name = "laptop-of-a-person-with-a-long-name-"
    assert stem(f"{name}A", PK) != stem(f"{name}B", OTHER)


def test_in_one_folder_all_names_differ_without_regard_to_case():
    twins = [uuid.UUID(int=(7 << 112) + n) for n in range(3)]
    named = [
        (PK, "Phone"),
        (OTHER, "phone"),
        *((pk, "tablet") for pk in twins),
        (uuid.uuid4(), "a"),
    ]
    names = unique_names(named)
    assert names[PK] == "Phone-a1b2.conf"
    assert names[OTHER] == "phone-ffff.conf"
    assert len({name.lower() for name in names.values()}) == len(names)
    assert all(USABLE.fullmatch(name.removesuffix(".conf")) for name in names.values())


def test_a_marked_name_never_takes_the_name_of_somebody_else():
    named = [(PK, "phone"), (OTHER, "phone"), (uuid.uuid4(), "phone-a1b2")]
    names = unique_names(named)
    assert names[PK] == "phone-a1b2c.conf"
    assert len(set(names.values())) == 3


def test_the_names_do_not_depend_on_the_order():
    named = [(PK, "phone"), (OTHER, "Phone"), (uuid.UUID(int=7), "other")]
    assert unique_names(named) == unique_names(reversed(named))
