"""The panel calls a node that cannot reach it: the real `wgpanel-agent enrol --wait`, over TLS."""

import json
import os
import socket
import subprocess
import sys
import threading

import pytest
import requests
import urllib3
from django.db import connection
from django.utils import timezone
from wgpanel_agent.proof import Share, Token, new_token, prove_hello
from wgpanel_agent.tls import server_context

from nodes.enrolment import calling, joining, making
from nodes.enrolment.join_token import JoinToken, Step
from nodes.models import Node
from nodes.tests import agents
from nodes.tests.joining import Joiner, make_hello, make_token
from nodes.tests.test_enrol_command import KILLED, Machine, is_held_by_both

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 60


class Waiting(Machine):
    """A server on which the line for a node that is called is pasted."""

    def start(self, token: str, *more: str, step: tuple = ()) -> None:
        begin = ["-c", KILLED, *map(str, step)] if step else ["-m", "wgpanel_agent"]
        words = ["enrol", "--wait", "5", "--listen", self.place, "--token", token, *more]
        self.process = subprocess.Popen(
            [sys.executable, *begin, *words, "--state-dir", str(self.folder / "state")],
            env={**os.environ, "WGPANEL_AGENT_CONFIG": str(self.config)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def wait_until_it_waits(self) -> None:
        assert self.process.stdout.readline().startswith(f"waiting on {self.place}")

    def end(self) -> tuple[int, str]:
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out + err

    @property
    def place(self) -> str:
        return self.panel.removeprefix("https://")


@pytest.fixture
def server(tmp_path):
    """Its address is where the panel calls it; it knows no address of the panel."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    machine = Waiting(tmp_path, f"https://127.0.0.1:{port}")
    yield machine
    if hasattr(machine, "process"):
        machine.process.kill()
        machine.process.communicate()


def waiting(server, **fields) -> tuple[JoinToken, str]:
    row, token = make_token(dial_url=server.panel, **fields)
    server.start(token)
    server.wait_until_it_waits()
    return row, token


def say(server, path: str, **body) -> requests.Response:
    with pytest.warns(urllib3.exceptions.InsecureRequestWarning):
        return requests.post(f"{server.panel}/v1/join/{path}", json=body, verify=False, timeout=10)  # noqa: S501


def test_a_node_that_waits_is_called_and_both_hold_one_secret_and_one_pin(server):
    row, _ = waiting(server, name="fra1")
    called = calling.call_now(row.pk)
    code, said = server.end()
    assert (code, called.call_problem, called.step) == (0, "", Step.JOINED)
    assert f"joined as fra1; the panel calls {server.panel}" in said
    assert is_held_by_both(server)
    assert Node.objects.get().agent_url == server.panel
    assert called.told_at
    with pytest.raises(calling.NothingToCall):
        calling.call_now(row.pk)


def test_a57_nothing_that_is_secret_is_said_or_left_in_a_temporary_file(server, monkeypatch):
    temporary = server.folder / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    row, token = waiting(server)
    draft = json.loads((server.folder / "state" / "joining" / "draft.json").read_text())
    calling.call_now(row.pk)
    code, said = server.end()
    secrets = {server.secret, draft["share"], token.partition(".")[2], Token.parse(token).key.hex()}
    assert (code, [it for it in secrets if it in said]) == (0, [])
    written = [path for path in server.folder.rglob("*") if path.is_file()]
    found = {(path.name, it) for path in written for it in secrets if it in path.read_text()}
    assert found == {("secret", server.secret)}
    assert list(temporary.iterdir()) == []


def test_the_tick_calls_and_only_once_in_a_while(server):
    row, _ = waiting(server)
    now = timezone.now()
    assert calling.due(now) == [row.pk]
    calling.call_due(row.pk)
    assert server.end()[0] == 0
    assert calling.due(now) == []


def test_a_node_that_does_not_wait_yet_is_said_to_and_called_again(server):
    row, token = make_token(dial_url=server.panel)
    assert "nothing listens" in calling.call_now(row.pk).call_problem
    server.start(token)
    server.wait_until_it_waits()
    assert calling.call_now(row.pk).call_problem == ""
    assert server.end()[0] == 0


def test_a_node_waits_on_until_an_operator_lets_it_in(server, user):
    row, _ = waiting(server, wants_approval=True)
    assert calling.call_now(row.pk).step == Step.WAITING
    assert not Node.objects.exists()
    joining.approve(row, user)
    assert calling.call_now(row.pk).told_at
    assert server.end()[0] == 0
    assert is_held_by_both(server)


def test_a_stranger_gets_nothing_from_a_node_that_waits(server):
    row, _ = waiting(server)
    for path, body in (
        ("call", {"token": "0" * 24, "call": row.call, "proof": row.call_proof}),
        ("call", {"token": row.lookup, "call": row.call, "proof": "0" * 64}),
        ("offer", {"token": row.lookup, "offer": "{}", "proof": "0" * 64}),
    ):
        answer = say(server, path, **body)
        assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized")
    assert say(server, "call", token=row.lookup).status_code == 422
    assert say(server, "else").status_code == 404
    assert calling.call_now(row.pk).told_at


def test_five_wrong_proofs_burn_the_token_at_the_node(server):
    row, _ = waiting(server)
    for _ in range(5):
        say(server, "call", token=row.lookup, call=row.call, proof="0" * 64)
    code, said = server.end()
    assert (code, "five wrong proofs" in said, server.config.exists()) == (1, True, False)
    assert not (server.folder / "state" / "joining").exists()


def test_who_does_not_know_the_name_of_a_token_burns_none(server):
    row, _ = waiting(server)
    for _ in range(9):
        say(server, "call", token="0" * 24, call=row.call, proof="0" * 64)
    assert calling.call_now(row.pk).told_at


def test_an_offer_that_the_token_does_not_prove_writes_nothing(server):
    row, _ = waiting(server)
    offer = json.dumps({"protocol": 1, "share": Share.new().public, "node_id": "x"})
    assert say(server, "offer", token=row.lookup, offer=offer, proof="0" * 64).status_code == 401
    assert not server.config.exists()


class Impostor:
    """Answers a call with a hello, behind a certificate of its own; says nothing else."""

    def __init__(self, impostor, folder, make_answer) -> None:
        identity = agents.make_identity(folder)
        self._context, self._make_answer = server_context(identity), make_answer
        self.url = impostor(self._behave).url.replace("http:", "https:")

    def _behave(self, conn) -> None:
        with self._context.wrap_socket(conn, server_side=True) as secured:
            secured.recv(65536)
            body = json.dumps(self._make_answer()).encode()
            head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n"
            secured.sendall(head.encode() + body)
            secured.recv(65536)


def test_a32_somebody_in_between_is_not_believed_and_burns_the_token(impostor, tmp_path):
    """He knows all that the true node said, but not the key of the certificate in it."""
    answer: dict[str, str] = {}
    between = Impostor(impostor, tmp_path, lambda: answer)
    row, token = make_token(dial_url=between.url)
    hello = make_hello(token, Share.new(), {"tls_pin": "a" * 64})
    answer.update(hello=hello, proof=prove_hello(Token.parse(token).key, hello))
    for _ in range(5):
        assert "not right" in calling.call_now(row.pk).call_problem
    row.refresh_from_db()
    assert (row.step, Node.objects.exists()) == (Step.BURNT, False)
    with pytest.raises(calling.NothingToCall):
        calling.call_now(row.pk)


@pytest.mark.parametrize(
    "told",
    [
        [], {}, {"hello": "{}", "proof": 1}, {"hello": "x" * 20_000, "proof": "0" * 64},
        {"hello": "{}", "proof": "0" * 64}, {"hello": "\ud800", "proof": "0" * 64},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_agent_is_not_believed(impostor, tmp_path, told):
    row, _ = make_token(dial_url=Impostor(impostor, tmp_path, lambda: told).url)
    assert calling.call_now(row.pk).call_problem
    assert not Node.objects.exists()


def test_a33_a_redirect_is_not_followed(impostor, tmp_path):
    context = server_context(agents.make_identity(tmp_path))
    elsewhere = agents.answering("307 Moved", location="https://169.254.169.254/")

    def behave(conn):
        with context.wrap_socket(conn, server_side=True) as secured:
            elsewhere(secured)

    place = impostor(behave)
    row, _ = make_token(dial_url=place.url.replace("http:", "https:"))
    assert calling.call_now(row.pk).call_problem.startswith("HTTP 307")
    assert place.connections == 1


@pytest.mark.parametrize(
    ("address", "words"),
    [("https://169.254.169.254", "does not connect"), ("https://10.9.9.9:8080", "not public")],
)
def test_the_one_rule_for_where_the_panel_connects_to_holds_when_it_calls(address, words):
    row, _ = make_token(dial_url="https://127.0.0.1:1")
    JoinToken.objects.update(dial_url=address)
    assert words in calling.call_now(row.pk).call_problem


def test_a_node_that_is_to_be_called_is_not_let_in_when_it_comes_and_the_other_way_round(server):
    row, token = make_token(dial_url=server.panel)
    assert Joiner(token, {"tls_pin": "a" * 64}).ask().status_code == 401
    row.refresh_from_db()
    assert (row.step, row.wrong_proofs) == (Step.OPEN, 0)


def test_a_token_on_a_second_server_alarms_and_is_not_called_again(server):
    row, token = waiting(server)
    calling.call_now(row.pk)
    assert server.end()[0] == 0
    JoinToken.objects.update(told_at=None)
    other = Waiting(server.folder / "other", server.panel)
    other.start(token)
    other.wait_until_it_waits()
    try:
        assert "used before" in calling.call_now(row.pk).call_problem
    finally:
        other.process.kill()
        other.process.communicate()
    row.refresh_from_db()
    assert row.has_alarm
    assert calling.due(timezone.now()) == []


def test_two_calls_at_once_make_one_node(server):
    row, _ = waiting(server)
    threads = [threading.Thread(target=_call, args=[row.pk]) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.end()[0] == 0
    row.refresh_from_db()
    assert (Node.objects.count(), row.has_alarm) == (1, False)
    assert is_held_by_both(server)


def _call(pk) -> None:
    calling.call_now(pk)
    connection.close()


def test_a_node_that_was_called_is_called_again_when_it_is_rebuilt(server, user):
    waiting(server)
    calling.call_now(JoinToken.objects.get().pk)
    server.end()
    before = server.secret
    row, token = making.make_again(user, Node.objects.get())
    assert row.dial_url == server.panel
    server.start(token, "--again")
    server.wait_until_it_waits()
    assert calling.call_now(row.pk).told_at
    assert server.end()[0] == 0
    assert is_held_by_both(server)
    assert before != server.secret


def test_a_node_that_came_by_itself_comes_again(user):
    row, token = make_token()
    Joiner(token).ask()
    again, _ = making.make_again(user, Node.objects.get())
    assert again.dial_url == ""


@pytest.mark.parametrize("flags", [["https://127.0.0.1:1"], ["--no-tls"], ["--pin", "a" * 64]])
def test_waiting_goes_with_no_address_of_a_panel_and_not_without_tls(server, flags):
    done = server.run("-m", "wgpanel_agent", "enrol", *flags, "--wait", "1", "--token", new_token())
    assert (done.returncode, "--wait goes with" in done.stderr) == (1, True)


def test_a_port_that_is_taken_is_said_to_be_with_the_way_out(server):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        words = ["enrol", "--wait", "1", "--listen", place, "--token", new_token()]
        done = server.run(
            "-m", "wgpanel_agent", *words, "--state-dir", str(server.folder / "state")
        )
    assert done.returncode == 1
    assert "systemctl stop wgpanel-agent" in done.stderr


@pytest.mark.parametrize("minutes", ["0", "10081", "x", "-1", "1.5"])
def test_how_long_it_waits_is_a_number_of_minutes(server, minutes):
    done = server.run("-m", "wgpanel_agent", "enrol", f"--wait={minutes}", "--token", "x")
    assert done.returncode == 2
    assert "must be a number from 1 to 10080" in done.stderr


def test_by_rest_a_node_is_called_and_its_token_tells_what_came_of_it(server, api):
    made = api.post("/api/v1/join-tokens/", {"name": "fra1", "dial_url": server.panel}).json()
    assert made["line"].startswith("wgpanel-agent enrol --wait 15 --listen 0.0.0.0:")
    path = f"/api/v1/join-tokens/{made['id']}/call/"
    assert "nothing listens" in api.post(path).json()["call_problem"]
    server.start(made["token"])
    server.wait_until_it_waits()
    told = api.post(path).json()
    assert (told["state"], told["call_problem"]) == ("joined", "")
    assert told["told_at"]
    assert server.end()[0] == 0
    assert (api.post(path).status_code, api.post(path).json()["error"]) == (409, "nothing_to_call")


def test_by_rest_what_cannot_be_called_is_refused_by_field(api):
    for fields in ({"dial_url": "http://127.0.0.1:1"}, {"dial_url": "x"}):
        answer = api.post("/api/v1/join-tokens/", fields)
        assert (answer.status_code, list(answer.json()["fields"])) == (400, ["dial_url"])
