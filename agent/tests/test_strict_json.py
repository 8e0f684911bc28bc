"""JSON that could be read in two ways is refused."""

import pytest
from wgpanel_agent.api.strict_json import MAX_DEPTH, InvalidJson, parse


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{} {}",
        b"NaN",
        b'{"a":Infinity}',
        b"[-Infinity]",
        b"1e999",
        b'{"a":1,"a":2}',
        b'[{"a":{"b":1,"b":1}}]',
        b'"\\ud800"',
        b'{"\\udc00":1}',
        b'"\xed\xa0\x80"',
        b'"\xff"',
        b"\xef\xbb\xbf{}",
        b"9" * 5000,
        b'"a\nb"',
        b"{'a':1}",
        b"[" * 10_000 + b"]" * 10_000,
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
        b'{"a":' * 100_000,
        b"[" * 8 * 1024 * 1024,
    ],
    ids=lambda body: repr(body[:20]),
)
def test_is_refused(body):
    with pytest.raises(InvalidJson):
        parse(body)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a":[1,2.5,null,true,"\\u00e9"]}', {"a": [1, 2.5, None, True, "é"]}),
        (b'"\\ud83d\\ude00"', "😀"),
        (b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, None),
    ],
)
def test_is_read(body, value):
    assert value is None or parse(body) == value
    assert parse(body) is not None
