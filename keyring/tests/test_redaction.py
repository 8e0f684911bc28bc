"""No line of a log carries key material, whichever way it came in."""

import logging
from base64 import b64encode, urlsafe_b64encode

import pytest
from django.conf import settings

from keyring.redaction import MASK, RedactingFormatter, redact

KEY = b64encode(bytes(range(100, 132))).decode()
TOKEN = "wgp_" + bytes(range(200, 232)).hex()
formatter = RedactingFormatter("%(message)s")


def make_record(message, *args, **fields):
    record = logging.LogRecord("x", logging.INFO, __file__, 1, message, args, None)
    record.__dict__.update(fields)
    return record


@pytest.mark.parametrize(
    "line",
    [
        KEY,
        f"PrivateKey = {KEY}",
        f"peer {KEY} is new",
        f"[{KEY},{KEY}]",
        urlsafe_b64encode(b"\xff" * 32).decode(),
        f"token {TOKEN} used",
        f"Authorization: Token {TOKEN}",
        "{'Authorization': 'Bearer abc.def'}",
        "authorization: basic YWRtaW46YWRtaW4=",
        '{"secret": "hunter2-hunter2"}',
        "{'secret': 'hunter2-hunter2', 'x': 1}",
        "password=hunter2-hunter2&x=1",
        "preshared_key: hunter2-hunter2",
        "PSK = hunter2-hunter2",
    ],
)
def test_key_material_is_masked(line):
    masked = redact(line)
    assert MASK in masked
    for leak in (KEY, TOKEN, "hunter2", "abc.def", "YWRtaW4", "_____"):
        assert leak not in masked


@pytest.mark.parametrize(
    "line",
    [
        "GET /api/v1/nodes/0f8fad5b-d9cb-469f-a165-70867728950e/ 200",
        "a" * 43,
        "a" * 60 + "=",
        "The secret is shorter than 32 bytes.",
        "sha256 " + "0f" * 32,
        "secretary: Ada",
    ],
)
def test_ordinary_lines_stay_as_they_are(line):
    assert redact(line) == line


def test_the_arguments_of_a_record_are_masked():
    assert KEY not in formatter.format(make_record("%s and %r", KEY, {"k": KEY}))


def test_a_traceback_is_masked():
    try:
        raise ValueError(KEY)
    except ValueError as error:
        record = make_record("failed")
        record.exc_info = (ValueError, error, error.__traceback__)
    line = formatter.format(record)
    assert "Traceback" in line
    assert KEY not in line


def test_the_panel_logs_through_it():
    handlers = settings.LOGGING["handlers"].values()
    formats = {handler["formatter"] for handler in handlers}
    used = {settings.LOGGING["formatters"][name]["()"] for name in formats}
    assert used == {"keyring.redaction.RedactingFormatter"}
