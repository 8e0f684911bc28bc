"""The line of "Add node" is pasted on a server, as it is served, and the server is a node.

Always with this machine's own Debian below a folder; with SOAK=1 on a bare Debian 12 too, where the
script installs Debian's packages first.
"""

import os
import time
from urllib.parse import urlsplit

import pytest
from django.test import Client
from wgpanel_agent.tls import server_context

from lab.fixtures import require
from lab.proxy import Proxy
from nodes.calling import client
from nodes.calling.exchange import AgentError
from nodes.enrolment import calling, making
from nodes.enrolment.join_token import Step
from nodes.enrolment.wheel import agent_wheel
from nodes.models import Node
from nodes.tests import bare_server
from nodes.tests.agents import make_identity
from nodes.tests.joining import make_token

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.lab]
UNIT = bare_server.ROOT / "agent" / "wgpanel-agent.service"
START_SECONDS = 60
FORMS = [bare_server.Folder, *([bare_server.BareDebian] if os.environ.get("SOAK") else [])]
CLOSED = {
    "/etc/wgpanel-agent": "0700", "/etc/wgpanel-agent/agent.toml": "0600",
    "/etc/wgpanel-agent/secret": "0600", "/var/lib/wgpanel-agent": "0700",
    "/var/lib/wgpanel-agent/tls/agent.key": "0600",
}  # fmt: skip


@pytest.fixture(params=FORMS, ids=lambda form: form.__name__)
def server(request, tmp_path):
    if request.param is bare_server.BareDebian:
        require(bare_server.why_not())
    return request.param(tmp_path)


@pytest.fixture
def ended():
    """Whatever was started in a test ends with it."""
    started = []
    yield lambda process: started.append(process) or process
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def certified(settings, tmp_path, live_server):
    """Where a panel answers with a certificate that nobody signed, and that it knows."""
    identity = make_identity(tmp_path / "panel")
    settings.WGPANEL_CERTIFICATE = identity.certificate.read_bytes()
    host, port = urlsplit(live_server.url).netloc.split(":")
    with Proxy(host, int(port), tls=server_context(identity)) as front:
        yield front.url


def wait_for_an_answer(node, agent):
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return client.test_connection(node)
        except AgentError:
            assert agent.poll() is None, agent.stderr.read().decode()
            assert time.monotonic() < deadline
            time.sleep(0.2)


def call_until_told(row, waiting):
    """As the panel's tick does, until the script has installed what is to be called."""
    deadline = time.monotonic() + bare_server.SECONDS
    while not (called := calling.call_now(row.pk)).told_at:
        assert waiting.poll() is None, waiting.stderr.read()
        assert time.monotonic() < deadline, called.call_problem
        time.sleep(0.5)


def test_the_line_installs_an_agent_that_joins_and_answers(server, live_server, ended):
    panel = live_server.url.replace("localhost", "127.0.0.1")  # a bare root knows no names
    _, token = make_token(name="fra1")
    done = server.paste(making.Lines(token, panel).install)
    assert done.returncode == 0, done.stderr
    assert "joined as fra1" in done.stdout
    assert "no systemd here" in done.stderr
    assert {name: server.mode(name) for name in CLOSED} == CLOSED
    assert server.path("/etc/systemd/system/wgpanel-agent.service").read_text() == UNIT.read_text()
    assert not server.path("/var/lib/wgpanel-agent/joining").exists()
    node = Node.objects.get()
    assert (node.agent_url, node.tls_pin) == (f"https://127.0.0.1:{server.port}", server.pin)
    assert wait_for_an_answer(node, ended(server.start())).version

    _, other = make_token()
    again = server.paste(making.Lines(other, panel).install)
    assert (again.returncode, "has joined a panel before" in again.stderr) == (1, True)
    assert server.path("/etc/wgpanel-agent/secret").read_text().strip() == node.secret.reveal()


def test_the_line_knows_the_certificate_of_a_panel_that_nobody_vouches_for(server, certified):
    _, token = make_token(name="fra1")
    done = server.paste(making.Lines(token, certified).install)
    assert done.returncode == 0, done.stderr
    assert "joined as fra1" in done.stdout
    assert Node.objects.get().tls_pin == server.pin


def test_from_somebody_with_another_certificate_nothing_is_taken(
    server, certified, settings, tmp_path
):
    row, token = make_token()
    true_one = make_identity(tmp_path / "true").certificate
    settings.WGPANEL_CERTIFICATE = true_one.read_bytes()
    assert "pinned public key" in server.paste(making.Lines(token, certified).install).stderr
    assert not server.path("/opt/wgpanel-agent").exists()
    row.refresh_from_db()
    assert (row.step, row.wrong_proofs) == (Step.OPEN, 0)


def test_carried_files_install_an_agent_that_waits_until_it_is_called_and_answers(server, ended):
    wheel = agent_wheel()
    files = {"install.sh": Client().get("/install.sh").content, wheel.name: wheel.content}
    url = f"https://127.0.0.1:{server.port}"
    row, token = make_token(name="fra1", dial_url=url)
    server.carry(files)
    waiting = ended(server.begin(making.lines(row, token, "").install))
    call_until_told(row, waiting)
    out, err = waiting.communicate(timeout=START_SECONDS)
    assert waiting.returncode == 0, err
    assert f"joined as fra1; the panel calls {url}" in out
    assert "no systemd here" in err
    assert {name: server.mode(name) for name in CLOSED} == CLOSED
    node = Node.objects.get()
    assert (node.agent_url, node.tls_pin) == (url, server.pin)
    assert server.path("/etc/wgpanel-agent/secret").read_text().strip() == node.secret.reveal()
    assert wait_for_an_answer(node, ended(server.start())).version
