"""A node joins with a token: once, proven by both sides, and whatever is wrong is refused."""

import datetime as dt
import threading

import pytest
from django.db import connection
from django.utils import timezone
from wgpanel_agent.proof import ProofError, new_token

from nodes.enrolment import joining, making
from nodes.enrolment.errors import JoinRefused
from nodes.enrolment.join_token import JoinToken, Step
from nodes.models import Node, Status
from nodes.tests.builders import make_group, make_node, make_online_node
from nodes.tests.joining import Joiner, make_token

pytestmark = pytest.mark.django_db
REFUSED = {"error": "unauthorized", "detail": "The token, its proof or its time is not right."}


def joined(**fields) -> tuple[JoinToken, Joiner]:
    row, token = make_token(**fields)
    node = Joiner(token)
    assert node.ask().status_code == 200
    row.refresh_from_db()
    return row, node


def test_a_node_joins_as_the_token_says_and_both_hold_one_secret(user):
    group = make_group()
    row, token = make_token(user, name="fra1", group=group, weight=2, max_peers=77)
    joiner = Joiner(token, address="127.0.0.9")
    told, secret = joiner.agree(joiner.ask().json())
    node = Node.objects.get(pk=told["node_id"])
    assert (node.name, node.group, node.weight, node.max_peers) == ("fra1", group, 2, 77)
    assert node.agent_url == told["agent_url"] == "http://127.0.0.9:8080"
    assert (node.secret.reveal(), node.secret_seq) == (secret, told["secret_seq"]) == (secret, 1)
    assert node.next_poll_at <= timezone.now()
    assert node.history.get().history_user == user


def test_the_key_of_a_token_is_forgotten_when_it_is_used():
    row, _ = joined()
    assert (row.step, row.key, row.node) == (Step.JOINED, None, Node.objects.get())


def test_a_node_without_a_preset_name_is_named_after_its_host_and_never_twice():
    make_node(name="fra1")
    row, _ = joined()
    assert row.node.name == "fra1-2"


def test_who_was_killed_before_the_answer_asks_again_and_gets_the_same_answer():
    row, token = make_token()
    joiner = Joiner(token)
    first, again = joiner.ask(), joiner.ask()
    assert again.status_code == 200
    assert joiner.agree(first.json()) == joiner.agree(again.json())
    row.refresh_from_db()
    assert (Node.objects.count(), row.has_alarm) == (1, False)


def test_a_token_used_twice_is_refused_and_alarms():
    row, first = joined()
    answer = Joiner(first.token, address="127.0.0.66").ask()
    assert (answer.status_code, answer.json()["error"]) == (409, "token_used")
    row.refresh_from_db()
    assert (row.has_alarm, row.reused_from) == (True, "127.0.0.66")
    assert Node.objects.count() == 1


@pytest.mark.parametrize(
    "spoil",
    [
        {"expires_at": timezone.now() - dt.timedelta(seconds=1)},
        {"revoked_at": timezone.now()},
        {"wrong_proofs": 5},
        {"source": "10.0.0.0/8"},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_a_token_that_is_not_good_any_more_or_not_here_is_refused_in_one_way(spoil):
    row, token = make_token()
    JoinToken.objects.filter(pk=row.pk).update(**spoil)
    answer = Joiner(token).ask()
    assert (answer.status_code, answer.json()) == (401, REFUSED)
    assert not Node.objects.exists()


def test_an_unknown_token_is_refused_like_a_wrong_one():
    answer = Joiner(new_token()).ask()
    assert (answer.status_code, answer.json()) == (401, REFUSED)


def test_five_wrong_proofs_burn_a_token():
    row, token = make_token()
    for _ in range(5):
        assert Joiner(token).ask(proof="0" * 64).status_code == 401
    answer = Joiner(token).ask()
    assert (answer.status_code, answer.json()) == (401, REFUSED)
    row.refresh_from_db()
    assert row.step == Step.BURNT


def test_four_wrong_proofs_do_not():
    _, token = make_token()
    for _ in range(4):
        Joiner(token).ask(proof="0" * 64)
    assert Joiner(token).ask().status_code == 200


def test_a_hello_that_was_changed_on_the_way_is_refused():
    _, token = make_token()
    joiner = Joiner(token)
    forged = joiner.hello.replace("fra1", "fra2")
    assert joiner.ask(hello=forged).status_code == 401


def test_an_offer_that_was_changed_on_the_way_is_not_believed():
    _, token = make_token()
    joiner = Joiner(token)
    answer = joiner.ask().json()
    with pytest.raises(ProofError):
        joiner.agree({**answer, "offer": answer["offer"].replace("fra1", "fra2")})


def test_the_hello_of_another_token_is_refused():
    (_, mine), (_, other) = make_token(), make_token()
    assert Joiner(mine, {"token": other.partition(".")[0]}).ask().status_code == 401


def test_a_token_for_one_node_is_none_for_another():
    first, other = make_node(), make_node()
    _, token = make_token(node=first)
    answer = Joiner(token, {"node_id": str(other.pk)}).ask()
    assert (answer.status_code, answer.json()) == (401, REFUSED)
    secret = other.secret.reveal()
    other.refresh_from_db()
    assert other.secret.reveal() == secret


def test_a_node_joins_again_as_the_same_node_with_a_new_secret():
    node = make_node(name="fra1", max_peers=9)
    before = node.secret.reveal()
    _, token = make_token(node=node)
    joiner = Joiner(token, address="127.0.0.8")
    told, secret = joiner.agree(joiner.ask().json())
    node.refresh_from_db()
    assert (told["node_id"], told["secret_seq"]) == (str(node.pk), node.secret_seq)
    assert node.secret.reveal() == secret != before
    assert (node.agent_url, node.max_peers) == ("http://127.0.0.8:8080", 9)


def test_what_was_known_of_a_server_ends_when_it_joins_again():
    node = make_online_node(tls_pin="a" * 64, next_tls_pin="b" * 64, failures=3)
    _, token = make_token(node=node)
    assert Joiner(token, {"tls_pin": "c" * 64}).ask().status_code == 200
    node.refresh_from_db()
    assert (node.status, node.reported_at, node.failures) == (Status.UNKNOWN, None, 0)
    assert (node.tls_pin, node.next_tls_pin) == ("c" * 64, "")


def test_a_node_that_is_known_already_is_told_so_and_the_token_stays_good():
    make_node(agent_url="http://127.0.0.1:8080")
    row, token = make_token()
    answer = Joiner(token).ask()
    assert (answer.status_code, answer.json()["error"]) == (409, "already_enrolled")
    row.refresh_from_db()
    assert row.step == Step.OPEN


def test_a_node_that_saw_another_certificate_than_the_panels_is_refused(monkeypatch):
    monkeypatch.setattr(joining, "panel_pin", lambda: "a" * 64)
    _, token = make_token()
    assert Joiner(token, {"panel_pin": "b" * 64}).ask().status_code == 401
    assert Joiner(token, {"panel_pin": "a" * 64}).ask().status_code == 200


def test_a_node_waits_until_an_operator_lets_it_in(user):
    row, token = make_token(wants_approval=True)
    joiner = Joiner(token)
    waiting = joiner.ask()
    assert (waiting.status_code, waiting.json()) == (202, {"state": "waiting"})
    assert not Node.objects.exists()
    node = joining.approve(row, user)
    told, secret = joiner.agree(joiner.ask().json())
    assert (told["node_id"], secret) == (str(node.pk), node.secret.reveal())


def test_a_node_that_was_turned_away_does_not_get_in():
    row, token = make_token(wants_approval=True)
    joiner = Joiner(token)
    joiner.ask()
    assert making.revoke(row)
    assert joiner.ask().status_code == 401
    with pytest.raises(JoinRefused):
        joining.approve(row, None)


def test_what_a_node_tells_of_its_interfaces_is_kept_and_nothing_of_them_is_made():
    told = {"name": "wg-old", "public_key": "k" * 43 + "=", "listen_port": 51820, "peers": 3}
    row, token = make_token()
    Joiner(token, {"interfaces": [told]}).ask()
    row.refresh_from_db()
    assert row.told["interfaces"] == [told]
    assert not row.node.interfaces.exists()


@pytest.mark.parametrize(
    "told",
    [
        {"protocol": 2}, {"port": 0}, {"port": "8080"}, {"host": "a\nb"}, {"host": "x" * 65},
        {"tls_pin": "zz"}, {"share": "00" * 32}, {"agent_url": "http://8.8.8.8:80"},
        {"agent_url": "http://127.0.0.1:80/x"}, {"managed": ["--help"]}, {"managed": [1]},
        {"managed": ["wg0"] * 65}, {"interfaces": [{"name": "wg0"}]}, {"more": 1},
        {"interfaces": [{"name": "a b", "public_key": "", "listen_port": 1, "peers": 0}]},
    ],
    ids=str,
)  # fmt: skip
def test_a_proven_hello_that_cannot_be_used_is_refused_with_a_reason_and_spends_nothing(told):
    row, token = make_token()
    answer = Joiner(token, told).ask()
    assert answer.status_code in (400, 409)
    assert answer.json()["detail"]
    row.refresh_from_db()
    assert row.step == Step.OPEN


@pytest.mark.parametrize(
    "body",
    [
        {"token": "x"}, {"token": "' OR 1=1"}, {"hello": "x" * 20_000}, {"hello": None},
        {"proof": "é" * 64}, {"proof": 7}, {"hello": ["a"]}, {"token": {"a": 1}},
    ],
    ids=lambda body: next(iter(body)),
)  # fmt: skip
def test_a_body_of_another_shape_is_refused_before_anything_is_looked_up(body):
    _, token = make_token()
    assert Joiner(token).ask(**body).status_code == 400


def test_who_asks_without_end_is_stopped(monkeypatch):
    _, token = make_token(wants_approval=True)
    joiner = Joiner(token, address="192.0.2.77")
    codes = [joiner.ask().status_code for _ in range(121)]
    assert (codes[119], codes[120]) == (202, 429)


def at_once(act, joiners):
    """Let each joiner act in a thread of its own; return what came of it."""
    barrier, told = threading.Barrier(len(joiners)), []

    def run(joiner):
        barrier.wait()
        told.append(act(joiner))
        connection.close()

    threads = [threading.Thread(target=run, args=[joiner]) for joiner in joiners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


def asked_until_there_is_an_answer(joiner):
    """As the agent asks: 503 is none."""
    while (code := joiner.ask().status_code) == 503:
        pass
    return code


@pytest.mark.django_db(transaction=True)
def test_servers_of_one_name_that_come_at_once_all_join():
    joiners = [Joiner(make_token()[1], address=f"127.0.2.{number}") for number in range(6)]
    assert at_once(asked_until_there_is_an_answer, joiners) == [200] * 6
    assert Node.objects.filter(name__startswith="fra1").count() == 6


@pytest.mark.django_db(transaction=True)
def test_of_two_nodes_at_once_one_wins_and_the_other_alarms():
    row, token = make_token()
    joiners = [Joiner(token, address=f"127.0.1.{number}") for number in range(2)]
    codes = at_once(lambda joiner: joiner.ask().status_code, joiners)
    assert sorted(codes) == [200, 409]
    row.refresh_from_db()
    assert (Node.objects.count(), row.has_alarm) == (1, True)
