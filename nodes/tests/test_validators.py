"""What may be typed for a node: one canonical spelling of an address, and a secret worth having."""

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


def test_what_the_panel_does_not_connect_to_is_refused_with_the_reason():
    agent_url("http://127.0.0.1:8080")
    with pytest.raises(ValidationError, match="in full") as refused:
        agent_url("https://0x7f000001:8080")
    assert refused.value.code == "bad_url"


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
    assert agent_secret(secret) is None


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
    node = Node(name="n", agent_url="http://127.1", secret="short")
    with pytest.raises(ValidationError) as refused:
        node.clean_fields()
    assert set(refused.value.message_dict) == {"agent_url", "secret"}
