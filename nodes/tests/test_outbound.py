"""Where the panel connects to, and where it never does: one spelling, every address checked."""

import asyncio
import ipaddress
import socket

import pytest

from nodes.calling import client, outbound, targets
from nodes.calling.exchange import AgentError
from nodes.calling.outbound import CheckedResolver, addresses, check
from nodes.tests import agents
from nodes.tests.builders import make_node
from nodes.tests.polls import poll

PUBLIC = "93.184.215.14"


@pytest.fixture(autouse=True)
def _networks(settings):
    settings.WGPANEL_PLAIN_HTTP_NETWORKS = ()
    settings.WGPANEL_NODE_NETWORKS = networks("10.20.0.0/16", "2001:db8::/32")


def networks(*texts):
    return tuple(map(ipaddress.ip_network, texts))


def refusal(act, *arguments):
    with pytest.raises(AgentError) as refused:
        act(*arguments)
    return refused.value.code


@pytest.mark.parametrize(
    ("url", "host", "authority"),
    [
        ("https://93.184.215.14:8443", PUBLIC, "93.184.215.14:8443"),
        ("https://93.184.215.14", PUBLIC, "93.184.215.14"),
        ("https://93.184.215.14:443", PUBLIC, "93.184.215.14"),
        ("http://93.184.215.14:80", PUBLIC, "93.184.215.14"),
        ("http://93.184.215.14:443", PUBLIC, "93.184.215.14:443"),
        ("https://10.20.3.4:8080", "10.20.3.4", "10.20.3.4:8080"),
        ("https://[2001:db8::7]:8080", "2001:db8::7", "[2001:db8::7]:8080"),
        ("https://[2606:2800:21f:cb07::1]", "2606:2800:21f:cb07::1", "[2606:2800:21f:cb07::1]"),
        ("https://node-7.example.org:8080", "node-7.example.org", "node-7.example.org:8080"),
    ],
)
def test_public_addresses_listed_networks_and_names_are_accepted(url, host, authority):
    found = check(url)
    assert (found.host, found.authority) == (host, authority)


@pytest.mark.parametrize(
    "url",
    [
        "", "93.184.215.14:8080", "ftp://93.184.215.14", "HTTPS://93.184.215.14",
        "https://93.184.215.14/", "https://93.184.215.14?x", "https://93.184.215.14#x",
        "https://user@93.184.215.14", "https://user:pass@93.184.215.14", "https://93.184.215.14\n",
        " https://93.184.215.14", "https://93.184.215.14:0", "https://93.184.215.14:08",
        "https://93.184.215.14:65536", "https://93.184.215.14:99999", "https://93.184.215.14:",
        "https://93.184.215.14:８０", "https://[::1", "https://::1:80", "https://[fe80::1%eth0]",
        "https://[2001:DB8::7]", "https://[::1]x:80", "https://[]", "https://[...]",
        "https://[93.184.215.14]", "https://[2001:db8:0::7]", "https://[::ffff:127.0.0.1]",
        "https://2130706433", "https://0x7f000001", "https://0x7f.0.0.1", "https://127.1",
        "https://0177.0.0.1", "https://127.0.0.1.", "https://127.0.0.01", "https://example.org.",
        "https://-a.example.org", "https://a..b", "https://a_b.example.org", "https://exämple.org",
        "https://Example.org",
    ],
)  # fmt: skip
def test_every_other_spelling_is_refused(url):
    assert refusal(check, url) == "bad_url"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "0.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1",
        "169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192",
        "224.0.0.1", "255.255.255.255", "240.0.0.1", "198.18.0.1", "203.0.113.7",
        "[::1]", "[::]", "[fe80::1]", "[fd00:ec2::254]", "[fd12::1]", "[ff02::1]",
        "[::ffff:5db8:d70e]", "[::5db8:d70e]", "[64:ff9b::5db8:d70e]", "[64:ff9b:1::1]",
        "[2002:5db8:d70e::1]", "[2001:0:5db8:d70e::1]",
    ],
)  # fmt: skip
def test_what_is_not_public_is_refused(host):
    assert refusal(check, f"https://{host}:8080") == "address_refused"


@pytest.mark.parametrize(
    "host",
    ["169.254.169.254", "0.0.0.1", "[fd00:ec2::254]", "[fe80::1]", "[2002:a9fe:a9fe::1]",
     "[64:ff9b::a9fe:a9fe]", "[::ffff:a9fe:a9fe]", "100.100.100.200"],
)  # fmt: skip
def test_metadata_is_refused_whatever_is_listed(settings, host):
    settings.WGPANEL_NODE_NETWORKS = networks("0.0.0.0/0", "::/0")
    assert refusal(check, f"https://{host}") == "address_refused"


def test_loopback_is_for_whoever_lists_it(settings):
    settings.WGPANEL_NODE_NETWORKS = networks("127.0.0.0/8", "::1/128")
    assert check("https://127.0.0.1:8080").is_tls
    assert check("https://[::1]:8080").is_tls


@pytest.fixture
def _own_services_anew():
    outbound._own_services.cache_clear()
    yield
    outbound._own_services.cache_clear()


@pytest.mark.usefixtures("_own_services_anew")
def test_the_panels_own_broker_is_refused_in_a_listed_network(settings):
    settings.REDIS_URL = "redis://:secret@10.20.0.9:6380/0"
    assert refusal(check, "https://10.20.0.9:6380") == "address_refused"
    assert check("https://10.20.0.9:8080").port == 8080


@pytest.mark.usefixtures("_own_services_anew")
def test_the_broker_and_the_database_are_refused_by_any_other_name(settings, monkeypatch):
    settings.REDIS_URL = "redis://:secret@cache.example.org/0"
    database = {"ENGINE": "django.db.backends.postgresql", "HOST": "db.example.org", "PORT": ""}
    monkeypatch.setattr(outbound.settings, "DATABASES", {"default": database})
    monkeypatch.setattr(socket, "getaddrinfo", answering("10.20.0.9"))
    for port in (6379, 5432):
        assert refusal(addresses, "innocent.example.org", port) == "address_refused"
        assert refusal(check, f"https://10.20.0.9:{port}") == "address_refused"
    assert addresses("innocent.example.org", 8080) == ["10.20.0.9"]


@pytest.mark.usefixtures("_own_services_anew")
@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "[::1]"])
def test_a_broker_on_this_host_is_refused_at_each_of_its_addresses(settings, host):
    settings.WGPANEL_NODE_NETWORKS = networks("127.0.0.0/8", "::1/128", "10.20.0.0/16")
    settings.REDIS_URL = "redis://localhost:6380/0"
    assert refusal(check, f"https://{host}:6380") == "address_refused"
    assert check(f"https://{host}:8080").port == 8080
    assert check("https://10.20.0.9:6380").port == 6380


def test_plain_http_is_for_the_networks_that_were_named(settings):
    found = check("http://10.20.0.9:8080")
    with pytest.raises(AgentError, match="no network only.*WGPANEL_PLAIN_HTTP_NETWORKS"):
        outbound.check_plain_http(found)
    settings.WGPANEL_PLAIN_HTTP_NETWORKS = networks("10.20.0.0/24")
    outbound.check_plain_http(found)
    assert refusal(outbound.check_plain_http, check("http://a.example.org")) == (
        "plain_http_refused"
    )


def answering(*hosts):
    def getaddrinfo(host, port, **_):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (it, port)) for it in hosts]

    return getaddrinfo


def test_every_address_of_a_name_is_checked(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", answering(PUBLIC, "10.20.0.1"))
    assert addresses("node.example.org", 443) == [PUBLIC, "10.20.0.1"]
    monkeypatch.setattr(socket, "getaddrinfo", answering(PUBLIC, "169.254.169.254"))
    assert refusal(addresses, "node.example.org", 443) == "address_refused"


@pytest.mark.django_db
def test_a_name_server_that_changes_its_mind_wins_nothing(live_agent, monkeypatch, settings):
    settings.WGPANEL_NODE_NETWORKS = networks("127.0.0.0/8")
    agent, asked = live_agent(tls=True), []

    def rebinding(host, port, *arguments, **options):
        if host != "node.example.org":
            return real(host, port, *arguments, **options)
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "169.254.169.254"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    node = agent.node(agent_url=agent.url.replace("127.0.0.1", "node.example.org"))
    client.test_connection(node)
    assert asked == ["node.example.org"]
    with pytest.raises(AgentError) as refused:
        client.test_connection(node)
    assert refused.value.code == "address_refused"


@pytest.mark.django_db
def test_the_fan_out_connects_to_no_address_that_is_refused(impostor, settings):
    stranger = impostor(agents.silent)
    url = stranger.url.replace("127.0.0.1", "localhost")
    node = make_node(agent_url=url, allow_plain_http=True)
    poll(node)
    assert "does not connect to" in node.status_reason
    assert stranger.connections == 0


@pytest.mark.parametrize("name", ["localhost"])
def test_the_fan_outs_resolver_gives_checked_addresses(settings, name):
    assert refusal(asyncio.run, CheckedResolver().resolve(name, 80)) == "address_refused"
    settings.WGPANEL_NODE_NETWORKS = networks("127.0.0.0/8", "::1/128")
    found = asyncio.run(CheckedResolver().resolve(name, 80))
    assert {it["host"] for it in found} <= {"127.0.0.1", "::1"}
    assert found


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_a33_a_redirect_to_metadata_is_not_followed(impostor, settings, status):
    settings.WGPANEL_PLAIN_HTTP_NETWORKS = networks("127.0.0.0/8")
    elsewhere = impostor(agents.silent)
    for target in ("http://169.254.169.254/latest/meta-data/", elsewhere.url):
        node = make_node(agent_url=impostor(agents.answering(status, location=target)).url)
        with pytest.raises(AgentError, match="a redirect that is not followed"):
            client.call(node, targets.STATUS_PATH)
        poll(node)
        assert "a redirect that is not followed" in node.status_reason
    assert elsewhere.connections == 0
