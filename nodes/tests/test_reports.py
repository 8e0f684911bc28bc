"""Only what both databases can store comes through."""

import json

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from nodes.calling.exchange import AgentError
from nodes.polls import reports
from nodes.tests.builders import make_report

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


def body_with(extra: str) -> bytes:
    """Return a good report with one more field, of this JSON."""
    return f'{json.dumps(make_report())[:-1]}, "extra": {extra}}}'.encode()


def test_a_report_is_read_with_its_columns():
    report = reports.read(json.dumps(make_report()).encode()).report
    assert (report.version, report.cpu_percent, report.active_peers) == ("1.0.0", 12.5, 3)


def test_the_text_keeps_fields_that_the_panel_does_not_know():
    told = reports.read(body_with('{"colour": "blue"}'))
    assert json.loads(told.text)["extra"] == {"colour": "blue"}


@pytest.mark.parametrize(
    "extra",
    [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "1" * 400,
        '"\\ud800"',
        '"\\u0000"',
        "[" * 500 + "]" * 500,
        "01",
        "'x'",
        '"\x01"',
        "{}}",
        '"\xff"',
    ],
)
def test_what_is_not_storable_json_is_refused(extra):
    with pytest.raises(AgentError) as refusal:
        reports.read(body_with(extra).replace("ÿ".encode(), b"\xff"))
    assert refusal.value.code == "bad_answer"


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"<html>", b'{"status": "ok"}', b"\xff\xfe{\x00}\x00", b"9" * 300_000],
)
def test_what_is_no_report_is_refused(body):
    with pytest.raises(AgentError) as refusal:
        reports.read(body)
    assert refusal.value.code == "bad_answer"


def test_the_refusal_names_the_field():
    body = json.dumps(make_report(uptime=-1)).encode()
    with pytest.raises(AgentError, match="uptime"):
        reports.read(body)


@given(extra=JSON)
@pytest.mark.django_db
def test_whatever_is_let_through_the_database_takes(extra):
    try:
        text = reports.read(body_with(json.dumps(extra))).text
    except AgentError:
        return
    kind = "jsonb" if connection.vendor == "postgresql" else "text"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT CAST(%s AS {kind})", [text])
        assert cursor.fetchone() is not None
