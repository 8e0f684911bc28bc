"""What a poller meets: real sockets, real signatures, a share of the dead."""

import http.client
import json
import ssl
import time
from collections.abc import Iterator
from hashlib import sha256
from urllib.parse import urlsplit

import pytest
from wgpanel_agent import protocol
from wgpanel_agent.reporting.reports import StatusReport
from wgpanel_agent.tls import client_context

from lab.errors import LabError
from lab.fake_agents import KEY_SEQ, FakeAgent, FakeFleet

SHORT = 0.3


@pytest.fixture(scope="module")
def fleet() -> Iterator[FakeFleet]:
    with FakeFleet(300, delay_seconds=0.01, dead_share=0.1) as fleet:
        yield fleet


def ask(
    agent: FakeAgent, *, path: str = "/v1/status", signed: bool = True, timeout: float = 10
) -> tuple[int, bytes]:
    """Status and body of the answer, verified where the request was signed."""
    authority = urlsplit(agent.url).netloc
    keys = protocol.derive_keys(agent.node_id, KEY_SEQ, agent.secret.encode())
    request = protocol.sign_request(
        keys, method="GET", authority=authority, path=path, now=time.time()
    )
    connection = http.client.HTTPConnection(authority, timeout=timeout)
    if agent.tls_pin:
        connection = http.client.HTTPSConnection(
            authority, timeout=timeout, context=client_context()
        )
    try:
        connection.request("GET", path, headers=request.headers if signed else {})
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if signed and answer.status == 200:
        headers = [(name.encode(), value.encode()) for name, value in answer.getheaders()]
        protocol.verify_response(keys, request.binding, status=200, headers=headers, body=body)
    return answer.status, body


def test_the_living_sign_a_report_that_a_panel_understands(fleet: FakeFleet) -> None:
    status, body = ask(fleet.agents[-1])

    report = StatusReport.parse(json.loads(body))
    assert status == 200
    assert abs(report.timestamp - time.time()) < 60


def test_a_report_is_about_two_kilobytes(fleet: FakeFleet) -> None:
    _, body = ask(fleet.agents[-1])

    assert 1_700 < len(body) < 2_300


def test_every_agent_has_its_own_address_secret_and_report(fleet: FakeFleet) -> None:
    living = [agent for agent in fleet.agents if not agent.is_dead][:20]

    assert len({agent.url for agent in fleet.agents}) == len(fleet.agents)
    assert len({agent.secret for agent in fleet.agents}) == len(fleet.agents)
    assert len({json.loads(ask(agent)[1])["boot_id"] for agent in living}) == 20


def test_a_share_of_them_is_dead(fleet: FakeFleet) -> None:
    assert sum(agent.is_dead for agent in fleet.agents) == 30


def test_the_silent_dead_accept_and_never_answer(fleet: FakeFleet) -> None:
    with pytest.raises(TimeoutError):
        ask(fleet.agents[0], timeout=SHORT)


def test_the_refusing_dead_have_no_open_port() -> None:
    with FakeFleet(2, dead_share=0.5, death="refusing") as fleet:
        with pytest.raises(ConnectionRefusedError):
            ask(fleet.agents[0])
        assert ask(fleet.agents[1])[0] == 200


def test_answers_take_their_time() -> None:
    with FakeFleet(1, delay_seconds=SHORT) as fleet:
        started = time.monotonic()
        ask(fleet.agents[0])

        assert time.monotonic() - started >= SHORT


def test_an_unsigned_request_gets_no_report(fleet: FakeFleet) -> None:
    assert ask(fleet.agents[-1], signed=False) == (401, b"")


def test_another_path_is_not_found(fleet: FakeFleet) -> None:
    assert ask(fleet.agents[-1], path="/health")[0] == 404


def test_a_plain_fleet_answers_without_signatures() -> None:
    with FakeFleet(1, signed=False) as fleet:
        status, body = ask(fleet.agents[0], signed=False)

    assert status == 200
    assert json.loads(body)["status"] == "ok"


def test_a_fleet_speaks_tls_with_the_pin_that_is_told() -> None:
    with FakeFleet(2, tls=True) as fleet:
        agent = fleet.agents[1]
        told = urlsplit(agent.url)
        shown = ssl.get_server_certificate((str(told.hostname), int(told.port or 0)))
        assert told.scheme == "https"
        assert sha256(ssl.PEM_cert_to_DER_cert(shown)).hexdigest() == agent.tls_pin
        assert ask(agent)[0] == 200


def test_the_agents_are_gone_when_the_fleet_is() -> None:
    with FakeFleet(1) as fleet:
        (agent,) = fleet.agents

    with pytest.raises(ConnectionRefusedError):
        ask(agent)


@pytest.mark.parametrize("count", [0, -1, 2**21 + 1])
def test_an_impossible_count_is_refused(count: int) -> None:
    with pytest.raises(LabError, match="1 to"):
        FakeFleet(count)
