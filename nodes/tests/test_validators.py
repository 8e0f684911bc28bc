"""What may be typed for a node: one canonical spelling of an address, and a secret worth having."""

import ipaddress
import random
from base64 import urlsafe_b64encode

import pytest
from django.core.exceptions import ValidationError

from nodes.models import Node
from nodes.validators import agent_secret, agent_url

# fixed: workers that run tests side by side must agree on the tests' names
_varied = random.Random(7)
HEX_16, HEX_32, HEX_64 = (_varied.randbytes(size).hex() for size in (16, 32, 64))
URL_SAFE = urlsafe_b64encode(_varied.randbytes(32)).decode().rstrip("=")


@pytest.fixture(autouse=True)
def _plain_http_networks(settings):
    texts = ("127.0.0.0/8", "::1/128", "198.18.0.0/15", "2001:db8::/32")
    settings.WGPANEL_PLAIN_HTTP_NETWORKS = tuple(map(ipaddress.ip_network, texts))


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8080", "http://127.0.0.1", "http://198.18.0.7:1", "http://127.1.2.3:65535",
     "http://[::1]:8080", "http://[2001:db8::7]"],
)  # fmt: skip
def test_an_address_in_the_allowed_networks_is_accepted(url):
    agent_url(url)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "bad_url"),
        ("127.0.0.1:8080", "bad_url"),
        ("ftp://127.0.0.1:8080", "bad_url"),
        ("HTTP://127.0.0.1:8080", "bad_url"),
        ("http://127.0.0.1:8080/", "bad_url"),
        ("http://127.0.0.1:8080?x", "bad_url"),
        ("http://127.0.0.1:8080#x", "bad_url"),
        ("http://user@127.0.0.1:8080", "bad_url"),
        ("http://user:pass@127.0.0.1:8080", "bad_url"),
        ("http://127.0.0.1:8080\n", "bad_url"),
        (" http://127.0.0.1:8080", "bad_url"),
        ("http://127.0.0.1:0", "bad_url"),
        ("http://127.0.0.1:08", "bad_url"),
        ("http://127.0.0.1:65536", "bad_url"),
        ("http://127.0.0.1:99999", "bad_url"),
        ("http://127.0.0.1:", "bad_url"),
        ("http://127.0.0.1:８０", "bad_url"),
        ("http://[::1", "bad_url"),
        ("http://::1:8080", "bad_url"),
        ("http://[fe80::1%eth0]:8080", "bad_url"),
        ("http://[2001:DB8::7]", "bad_url"),
        ("http://[::1]x:80", "bad_url"),
        ("http://[]:80", "bad_url"),
        ("http://[...]:80", "not_an_address"),
        ("http://[127.0.0.1]:80", "not_canonical"),
        ("http://2130706433:8080", "not_an_address"),
        ("http://0x7f000001:8080", "not_an_address"),
        ("http://127.1:8080", "not_an_address"),
        ("http://0177.0.0.1:8080", "not_an_address"),
        ("http://127.0.0.1.:8080", "not_an_address"),
        ("http://localhost:8080", "not_an_address"),
        ("http://example.org:8080", "not_an_address"),
        ("http://[0:0::1]:8080", "not_canonical"),
        ("http://[::ffff:127.0.0.1]:8080", "not_canonical"),
        ("http://[::ffff:7f00:1]:8080", "plain_http_refused"),
        ("http://169.254.169.254", "plain_http_refused"),
        ("http://203.0.113.1:8080", "plain_http_refused"),
        ("http://0.0.0.0:8080", "plain_http_refused"),
        ("https://127.0.0.1:8443", "no_tls"),
    ],
)
def test_every_other_address_is_refused_with_the_reason(url, code):
    with pytest.raises(ValidationError) as refused:
        agent_url(url)
    assert refused.value.code == code


def test_the_refusal_names_the_setting_that_allows_more():
    with pytest.raises(ValidationError, match=r"127\.0\.0\.0/8.*WGPANEL_PLAIN_HTTP_NETWORKS"):
        agent_url("http://203.0.113.1:8080")


@pytest.mark.parametrize(
    "secret",
    [
        HEX_16,
        URL_SAFE,
        HEX_64,
        "ключ" * 2 + "Zoë 😀 xyzq 12",
    ],
)
def test_a_secret_of_32_varied_bytes_is_accepted(secret):
    agent_secret(secret)


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("x", "shorter"),
        (HEX_16[:31], "shorter"),
        ("a" * 64, "repeated"),
        ("ab" * 32, "repeated"),
        ("your-secret-your-secret-key-1234567", "default"),
        (" " + HEX_32, "white space"),
        (HEX_32 + "\n", "white space"),
        ("\ud800" + HEX_32, "UTF-8"),
    ],
)
def test_a_weak_secret_is_refused_with_the_reason(secret, why):
    with pytest.raises(ValidationError, match=why):
        agent_secret(secret)


def test_the_model_itself_refuses_a_weak_secret_and_a_bad_address():
    node = Node(name="n", agent_url="http://example.org", secret="short")
    with pytest.raises(ValidationError) as refused:
        node.clean_fields()
    assert set(refused.value.message_dict) == {"agent_url", "secret"}
