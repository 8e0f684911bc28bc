"""Calls over TLS to the agent's real edge, and to those who show another certificate: A32."""

import datetime as dt
import socket
import ssl
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
from django.utils import timezone
from wgpanel_agent.api.limits import Limits
from wgpanel_agent.joining.certificate import pin_of_file
from wgpanel_agent.tls import server_context

from nodes.calling import client
from nodes.calling.exchange import NO_TLS, OTHER_CERTIFICATE, AgentError
from nodes.calling.pinning import Pinned
from nodes.calling.pins import Pins
from nodes.calling.promotion import promote
from nodes.calling.targets import Seen
from nodes.models import Node, PollingPolicy, Status
from nodes.polls import fanout
from nodes.polls.inquiry import Inquiry
from nodes.polls.polling import settle_overdue
from nodes.tests import agents
from nodes.tests.builders import make_node
from nodes.tests.polls import poll

pytestmark = pytest.mark.django_db
OTHER_PIN = "0123456789abcdef" * 4


def refusal(node):
    """What the synchronous client says; the fan-out must say the same."""
    with pytest.raises(AgentError) as refused:
        client.test_connection(node)
    done = poll(node)
    assert done.failures == {refused.value.code: 1}
    assert node.status_reason == refused.value.sentence
    return refused.value


@pytest.fixture
def impersonator(impostor, tmp_path):
    """Somebody who speaks TLS with a certificate of his own, and what was said to him."""
    heard = []
    context = server_context(agents.make_identity(tmp_path / "impostor"))
    server = impostor(agents.behind(context, heard))
    server.url, server.heard = server.url.replace("http:", "https:"), heard
    return server


def test_an_agent_is_called_over_tls(live_agent):
    node = live_agent(tls=True).node()
    assert client.test_connection(node).version == "1.0.0"
    assert poll(node).reported == 1
    assert node.status == Status.ONLINE


def test_a39_a_hoard_of_unfinished_handshakes_does_not_keep_the_panel_out(live_agent):
    agent = live_agent(tls=True)
    node, address = agent.node(), urlsplit(agent.url)
    with ExitStack() as hoard:
        for _ in range(2 * Limits().handshakes):
            sock = socket.create_connection((address.hostname, address.port))
            hoard.enter_context(sock).sendall(b"\x16\x03\x01\x02\x00\x01")
        assert client.test_connection(node).version == "1.0.0"
        assert poll(node).reported == 1


def test_connections_are_kept_from_round_to_round(live_agent):
    agent = live_agent(tls=True)
    node = agent.node()
    for _ in range(3):
        poll(node)
    assert agent.asked == 3
    assert len(agent.connections) == 1


def test_a_connection_does_not_serve_a_node_with_another_pin(live_agent):
    node = live_agent(tls=True).node()
    poll(node)
    Node.objects.update(tls_pin=OTHER_PIN)
    assert poll(node).failures == {"identity_mismatch": 1}


def test_a32_another_certificate_is_told_nothing(impersonator):
    error = refusal(make_node(agent_url=impersonator.url, tls_pin=OTHER_PIN))
    assert (error.code, error.sentence) == ("identity_mismatch", OTHER_CERTIFICATE)
    assert impersonator.connections == 2
    assert b"".join(impersonator.heard) == b""


def test_a32_another_certificate_becomes_the_state_identity_mismatch(impersonator):
    node = make_node(agent_url=impersonator.url, tls_pin=OTHER_PIN)
    for _ in range(2):
        poll(node)
    settle_overdue(timezone.now() + dt.timedelta(hours=1), PollingPolicy.current().interval)
    node.refresh_from_db()
    assert node.status == Status.IDENTITY_MISMATCH


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_a32_tls_of_yesterday_is_not_spoken(impostor, tmp_path, version):
    identity, heard = agents.make_identity(tmp_path), []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*identity)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    url = impostor(agents.behind(context, heard)).url.replace("http:", "https:")
    error = refusal(make_node(agent_url=url, tls_pin=pin_of_file(identity.certificate)))
    assert (error.code, error.sentence) == ("identity_mismatch", NO_TLS)
    assert heard == []


def test_a32_plain_http_on_the_port_is_told_nothing(live_agent):
    agent = live_agent()
    node = agent.node(agent_url=agent.url.replace("http:", "https:"), tls_pin=OTHER_PIN)
    assert refusal(node).sentence == NO_TLS
    assert agent.asked == 0


def test_tls_without_a_pin_is_not_tried(live_agent):
    agent = live_agent(tls=True)
    assert refusal(agent.node(tls_pin="")).code == "no_pin"
    assert agent.asked == 0


def test_a_slow_answer_over_tls_ends_in_time(impostor, tmp_path, monkeypatch):
    identity = agents.make_identity(tmp_path)

    def trickling(conn):
        with server_context(identity).wrap_socket(conn, server_side=True) as shaken:
            agents.trickling(shaken)

    url = impostor(trickling).url.replace("http:", "https:")
    node = make_node(agent_url=url, tls_pin=pin_of_file(identity.certificate))
    with pytest.raises(AgentError, match="No answer within"):
        client.call(node, "/v1/status", read_seconds=0.5)


def test_the_next_certificate_is_accepted_and_becomes_the_one(live_agent):
    agent = live_agent(tls=True)
    node = agent.node(tls_pin=OTHER_PIN, next_tls_pin=agent.pin)
    assert poll(node).reported == 1
    assert (node.tls_pin, node.next_tls_pin) == (agent.pin, "")
    assert node.history.first().history_change_reason == "The agent shows its next certificate."
    assert poll(node).reported == 1


def test_a_single_call_makes_the_next_certificate_the_one_as_well(live_agent):
    agent = live_agent(tls=True)
    node = agent.node(tls_pin=OTHER_PIN, next_tls_pin=agent.pin)
    client.test_connection(node)
    node.refresh_from_db()
    assert (node.tls_pin, node.next_tls_pin) == (agent.pin, "")


def test_the_next_certificate_without_a_signed_answer_changes_nothing(impostor, tmp_path):
    identity = agents.make_identity(tmp_path)

    def unsigned(conn):
        with server_context(identity).wrap_socket(conn, server_side=True) as shaken:
            agents.answering("200 OK", b"{}")(shaken)

    url, pin = impostor(unsigned).url.replace("http:", "https:"), pin_of_file(identity.certificate)
    node = make_node(agent_url=url, tls_pin=OTHER_PIN, next_tls_pin=pin)
    assert refusal(node).code == "unsigned"
    assert (node.tls_pin, node.next_tls_pin) == (OTHER_PIN, pin)


def test_the_present_certificate_leaves_the_next_one_waiting(live_agent):
    agent = live_agent(tls=True)
    node = agent.node(next_tls_pin=OTHER_PIN)
    poll(node)
    assert (node.tls_pin, node.next_tls_pin) == (agent.pin, OTHER_PIN)


def test_pins_that_were_changed_meanwhile_are_not_promoted():
    node = make_node(tls_pin=OTHER_PIN)
    assert not promote(node.pk, Pins("f" * 64, "e" * 64))
    node.refresh_from_db()
    assert node.tls_pin == OTHER_PIN


def test_open_connections_are_kept_by_the_pins():
    assert Pinned(Pins(OTHER_PIN)) == Pinned(Pins(OTHER_PIN))
    assert Pinned(Pins(OTHER_PIN)) != Pinned(Pins(OTHER_PIN, "f" * 64))
    assert len({Pinned(Pins(OTHER_PIN)), Pinned(Pins(OTHER_PIN))}) == 1


def test_an_agent_that_changes_its_certificate_between_rounds_is_known_no_more(impostor, tmp_path):
    first, second = (agents.make_identity(tmp_path / name) for name in ("first", "second"))
    served = iter([first, second])
    node_secret = "a secret of more than 32 bytes, of course"
    node = make_node(secret=node_secret, tls_pin=pin_of_file(first.certificate))

    def one_answer(conn):
        with server_context(next(served)).wrap_socket(conn, server_side=True) as shaken:
            agents.signing_once(str(node.pk), node_secret)(shaken)

    url = impostor(one_answer).url.replace("http:", "https:")
    Node.objects.update(agent_url=url)
    assert poll(node).reported == 1
    assert poll(node).failures == {"identity_mismatch": 1}
    assert node.status_reason == OTHER_CERTIFICATE


def test_plain_http_goes_anywhere_only_with_the_nodes_own_switch(live_agent, settings):
    agent = live_agent()
    settings.WGPANEL_PLAIN_HTTP_NETWORKS = ()
    settings.WGPANEL_NODE_NETWORKS = agents.LOOPBACK
    assert refusal(agent.node()).code == "plain_http_refused"
    Node.objects.update(allow_plain_http=True)
    assert client.test_connection(Node.objects.get()).version == "1.0.0"


def test_the_errand_says_which_way(live_agent):
    node = live_agent(tls=True).node()
    seen = Seen._make(Node.objects.values_list(*Seen._fields).get(pk=node.pk))
    [[inquiry]] = fanout.current(10).ask([Inquiry.begin(seen)])
    assert inquiry.pins == Pins(node.tls_pin)
    assert not inquiry.changed_certificate
