"""Differences are said in words."""

import pytest

from reconcile.checks.drift import Item
from reconcile.checks.wording import told, what


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (Item("missing", "key"), "Peer is missing"),
        (Item("missing", "key", "conf"), "Peer is missing: in the file on disk"),
        (Item("unknown", "key"), "Unknown peer"),
        (Item("mismatched", "key", "allowed_ips"), "Peer differs: allowed IPs"),
        (Item("interface", field="conf.mtu"), "Interface differs: MTU in the file on disk"),
        (Item("interface", field="listen_port"), "Interface differs: listen port"),
        (Item("interface", field="of_tomorrow"), "Interface differs: of tomorrow"),
    ],
)
def test_what_differs(item, words):
    assert what(item) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "–"), ([], "–"), ("", "–"), (0, "0"), (False, "False"), (51820, "51820"),
        (["10.0.0.2/32", "fd00::2/128"], "10.0.0.2/32, fd00::2/128"),
        ({"allowed_ips": ["10.0.0.9/32"], "keepalive": None}, "allowed IPs 10.0.0.9/32"),
        ({"keepalive": None}, "–"),
    ],
)  # fmt: skip
def test_a_value_is_spelled_without_brackets(value, words):
    assert told(value) == words
