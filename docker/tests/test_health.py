"""What HEALTHCHECK of the images runs."""

import datetime as dt
import http.server
import threading

import pytest
from django.utils import timezone
from wgpanel_agent.tls import server_context

from docker import agent_health, panel_health
from nodes.tests.agents import make_identity
from schedule.models import Heartbeat


class Answers(http.server.BaseHTTPRequestHandler):
    """The panel: 200 to whoever names its host, else 400. The agent, by its path: as it is."""

    agent = 200

    def do_GET(self) -> None:
        panel = 200 if self.headers["Host"] == "panel.example" else 400
        self.send_response(self.agent if self.path == "/health" else panel)
        self.end_headers()

    def log_message(self, *words: object) -> None:
        """Nothing."""


@pytest.fixture
def identity():
    """That of an agent which has joined; without one it speaks plain HTTP."""


@pytest.fixture
def port(monkeypatch, identity):
    with http.server.HTTPServer(("127.0.0.1", 0), Answers) as server:
        if identity:
            server.socket = server_context(identity).wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setattr(panel_health, "PORT", server.server_port)
        yield server.server_port
        server.shutdown()
        thread.join()


def test_web_is_asked_by_a_name_that_it_answers_to(port, monkeypatch):
    monkeypatch.setenv("WGPANEL_ALLOWED_HOSTS", "panel.example,web")
    assert panel_health.web() is None


def test_a_web_that_answers_with_an_error_is_not_healthy(port, monkeypatch):
    monkeypatch.setenv("WGPANEL_ALLOWED_HOSTS", "other.example")
    assert panel_health.web() == "web answers 400"


def test_a_web_that_is_not_there_is_not_healthy(monkeypatch, unused_tcp_port):
    monkeypatch.setattr(panel_health, "PORT", unused_tcp_port)
    assert "does not answer" in panel_health.web()


@pytest.mark.django_db
def test_a_beat_that_ticks_is_healthy():
    Heartbeat.beat("beat")
    assert panel_health.beat() is None


@pytest.mark.django_db
def test_a_beat_that_has_stopped_is_not():
    assert panel_health.beat() == "beat has never run"
    Heartbeat.beat("beat")
    Heartbeat.objects.update(beat_at=timezone.now() - dt.timedelta(minutes=5))
    assert "300 s ago" in panel_health.beat()


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])  # noqa: S104  (nothing is bound)
def test_an_agent_is_asked_on_loopback_when_it_listens_everywhere(port, address):
    assert agent_health.reason_against((address, port)) is None


def test_an_agent_that_says_that_it_is_unhealthy_is_believed(port, monkeypatch):
    monkeypatch.setattr(Answers, "agent", 503)
    assert agent_health.reason_against(("127.0.0.1", port)) == "the agent answers 503"


class TestOverTls:
    @pytest.fixture
    def identity(self, tmp_path):
        return make_identity(tmp_path)

    def test_nobody_has_to_vouch_for_the_agent_in_its_own_container(self, port):
        assert agent_health.reason_against(("127.0.0.1", port)) is None


def test_an_agent_that_is_not_there_is_not_healthy(unused_tcp_port):
    assert "no answer" in agent_health.reason_against(("127.0.0.1", unused_tcp_port))
