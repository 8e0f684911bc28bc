"""What the agent is told fits what the agent reads."""

import pytest

from nodes.models import Node
from nodes.setup_lines import setup_lines

CANARY = "canary-canary-canary-canary-canary-0123456789"


def node(url):
    return Node(agent_url=url, secret=CANARY)


def read(lines):
    return dict(line.split("=", 1) for line in lines.environment.splitlines())


@pytest.mark.parametrize(
    ("url", "listen"),
    [
        ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("http://10.0.0.7", "10.0.0.7:80"),
        ("http://[fd00::7]:8080", "[fd00::7]:8080"),
        ("https://10.0.0.7", "10.0.0.7:443"),
        ("https://node.example.org:8080", "0.0.0.0:8080"),
    ],
)
def test_the_agent_listens_where_the_panel_calls(url, listen):
    assert read(setup_lines(node(url)))["WGPANEL_AGENT_LISTEN"] == listen


def test_beyond_loopback_plain_http_is_allowed_in_so_many_words():
    assert "WGPANEL_AGENT_ALLOW_PLAIN_HTTP" in read(setup_lines(node("http://10.0.0.7:8080")))
    assert "WGPANEL_AGENT_ALLOW_PLAIN_HTTP" not in read(setup_lines(node("http://[::1]:8080")))
    assert "WGPANEL_AGENT_ALLOW_PLAIN_HTTP" not in read(setup_lines(node("https://10.0.0.7:8080")))


def test_the_secret_is_in_neither():
    shown = setup_lines(node("http://127.0.0.1:8080"))
    assert CANARY not in shown.toml + shown.environment
