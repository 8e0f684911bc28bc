"""Asking nodes and remembering what they told, over real sockets and in a real database."""

import datetime as dt
import json
import threading
import time
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone

from nodes import cadence, polling
from nodes.models import Node, PollCount, PollingPolicy, Status
from nodes.tests import agents
from nodes.tests.builders import make_interface, make_node, make_online_node, make_report

pytestmark = pytest.mark.django_db
SECRET = "a secret of more than 32 bytes, of course"


@pytest.fixture
def _short_polls(monkeypatch):
    monkeypatch.setattr(cadence, "POLL_SECONDS", 0.5)


def poll(*nodes: Node) -> polling.Round:
    """Poll these nodes, and read their rows again."""
    done = polling.poll([node.pk for node in nodes])
    for node in nodes:
        node.refresh_from_db()
    return done


def ago(seconds: float) -> dt.datetime:
    return timezone.now() - dt.timedelta(seconds=seconds)


# --- what a good answer does ----------------------------------------------------------------------


def test_a_verified_report_makes_the_node_online(live_agent):
    node = live_agent().node()
    done = poll(node)
    assert (done.asked, done.reported, done.written) == (1, 1, 1)
    assert (node.status, node.status_reason) == (Status.ONLINE, "")


def test_the_report_is_kept_as_told_with_its_columns_beside_it(live_agent):
    agent = live_agent()
    told = make_report(colour="blue")
    agent.body = json.dumps(told).encode()
    node = agent.node()
    poll(node)
    assert node.health_json == told
    assert (node.agent_version, node.active_peers, node.clock_skew_ms) == ("1.0.0", 3, 0)
    assert (node.cpu_percent, node.memory_percent, node.disk_percent) == (12.5, 40, 30)


def test_a_report_without_measurements_leaves_the_columns_empty(live_agent):
    agent = live_agent()
    agent.body = json.dumps(make_report(system={})).encode()
    node = agent.node()
    poll(node)
    assert (node.status, node.cpu_percent, node.memory_percent) == (Status.ONLINE, None, None)


def test_numbers_larger_than_their_columns_do_not_stop_the_round(live_agent):
    boaster, modest = live_agent(), live_agent()
    interfaces = {"wg0": make_interface(active_peers=2**60)}
    boaster.body = json.dumps(make_report(interfaces=interfaces, version="v" * 64)).encode()
    nodes = boaster.node(), modest.node()
    assert poll(*nodes).written == 2
    assert (nodes[0].active_peers, len(nodes[0].agent_version)) == (2**31 - 1, 32)


def test_an_interface_that_is_down_makes_the_node_degraded_and_is_named(live_agent):
    agent = live_agent()
    agent.body = json.dumps(make_report(interfaces={"wg0": make_interface(status="down")})).encode()
    node = agent.node()
    poll(node)
    assert (node.status, node.status_reason) == (Status.DEGRADED, "wg0 is down")


def test_times_are_those_of_the_poll(live_agent):
    node, before = live_agent().node(), timezone.now()
    poll(node)
    assert before <= node.last_attempt_at <= node.reported_at <= timezone.now()


def test_the_next_poll_is_the_nodes_next_slot(live_agent):
    node = live_agent().node()
    poll(node)
    slot = cadence.next_slot(node.pk, dt.timedelta(seconds=15), node.reported_at.timestamp())
    assert node.next_poll_at.timestamp() == pytest.approx(slot, abs=1e-3)


def test_the_interval_is_that_of_the_policy(live_agent):
    PollingPolicy.objects.create(interval_seconds=3600)
    node = live_agent().node()
    poll(node)
    slot = cadence.next_slot(node.pk, dt.timedelta(hours=1), node.reported_at.timestamp())
    assert node.next_poll_at.timestamp() == pytest.approx(slot, abs=1e-3)


def test_since_when_changes_with_the_status_only(live_agent):
    node = live_agent().node()
    poll(node)
    since = node.status_since
    poll(node)
    assert node.status_since == since


def test_one_good_answer_brings_a_dead_node_back(live_agent):
    node = live_agent().node(
        status=Status.OFFLINE, failures=9, failing_since=ago(900), status_since=ago(850)
    )
    poll(node)
    assert (node.status, node.failures, node.failing_since) == (Status.ONLINE, 0, None)
    assert node.status_since > ago(60)


@pytest.mark.parametrize("offset", [600, -600])
def test_a_clock_that_is_off_is_answered_remembered_and_told(live_agent, offset):
    agent = live_agent(clock_offset=offset)
    node = agent.node()
    poll(node)
    assert (node.status, node.status_reason) == (Status.ONLINE, f"Clock skew {offset:+d} s")
    assert node.clock_skew_ms == pytest.approx(offset * 1000, abs=1500)


def test_a_known_skew_costs_no_second_request(live_agent, caplog):
    node = live_agent(clock_offset=600).node(clock_skew_ms=600_000)
    poll(node)
    assert "clock_skew" not in caplog.text
    assert node.status == Status.ONLINE


def test_many_agents_are_polled_in_one_round_with_few_queries(
    live_agent, django_assert_max_num_queries
):
    nodes = [live_agent().node() for _ in range(12)]
    with django_assert_max_num_queries(12):
        done = poll_ids(nodes)
    assert (done.reported, done.written) == (12, 12)


def poll_ids(nodes: list[Node]) -> polling.Round:
    return polling.poll([node.pk for node in nodes])


def test_every_round_is_counted(live_agent):
    poll(live_agent().node(), make_node(agent_url=agents.closed_port()))
    count = PollCount.objects.get()
    assert (count.ok, count.failed) == (1, 1)


# --- what a failure does --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behave", "code", "words"),
    [
        (agents.answering("200 OK", b"<html>"), "unsigned", "Unsigned answer"),
        (agents.answering("500 Oops"), "http_500", "HTTP 500"),
        (agents.answering("302 F", location="http://169.254.169.254/"), "http_302", "redirect"),
        (agents.answering("401 No", b'{"error": "clock_skew"}'), "http_401", "Unsigned answer"),
        (agents.flooding, "bad_answer", "larger than 1024 KiB"),
        (agents.hanging_up, "bad_answer", "without a usable HTTP answer"),
        (agents.speaking_ssh, "bad_answer", "without a usable HTTP answer"),
        (agents.silent, "timeout", "No answer within"),
        (agents.trickling, "timeout", "No answer within"),
        (agents.trickling_body, "timeout", "No answer within"),
    ],
)
@pytest.mark.usefixtures("_short_polls")
def test_each_failure_says_why(impostor, behave, code, words):
    node = make_node(agent_url=impostor(behave).url)
    done = poll(node)
    assert done.failures == {code: 1}
    assert words in node.status_reason


def test_nobody_at_the_port_says_refused():
    node = make_node(agent_url=agents.closed_port())
    assert poll(node).failures == {"refused": 1}
    assert node.status_reason.startswith("Connection refused")


def test_a_wrong_secret_is_never_online(live_agent):
    node = live_agent().node(secret="another secret of more than 32 bytes, indeed")
    for _ in range(3):
        assert poll(node).failures == {"wrong_key": 1}
    assert (node.status, node.reported_at) == (Status.OFFLINE, None)
    assert node.status_reason == "Wrong key: the agent refused the signature."


def test_an_answer_signed_with_another_key_changes_nothing_that_was_known(impostor):
    node = make_online_node()
    Node.objects.update(agent_url=impostor(agents.signing_as(str(node.pk), "x" * 40)).url)
    before = node.health_json, node.reported_at, node.status, node.status_since
    assert poll(node).failures == {"identity_mismatch": 1}
    assert (node.health_json, node.reported_at, node.status, node.status_since) == before


def test_somebody_else_at_the_address_becomes_an_identity_mismatch(impostor):
    node = make_node()
    Node.objects.update(agent_url=impostor(agents.signing_as(str(node.pk), "x" * 40)).url)
    poll(node)
    poll(node)
    assert node.status == Status.IDENTITY_MISMATCH


def test_a_recorded_answer_works_once(impostor):
    node = make_node(secret=SECRET)
    Node.objects.update(agent_url=impostor(agents.replaying(str(node.pk), SECRET)).url)
    assert poll(node).reported == 1
    seen = node.reported_at
    assert poll(node).failures == {"identity_mismatch": 1}
    assert node.reported_at == seen


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"status": NaN}', b"[" * 2000])
def test_a_signed_report_that_cannot_be_used_is_a_failure(impostor, body):
    node = make_node(secret=SECRET)
    Node.objects.update(agent_url=impostor(agents.signing_as(str(node.pk), SECRET, body)).url)
    assert poll(node).failures == {"bad_answer": 1}
    assert (node.health_json, node.reported_at) == (None, None)


def test_a_failure_keeps_the_last_report(live_agent):
    node = make_online_node(agent_url=agents.closed_port())
    before = node.health_json, node.reported_at, node.cpu_percent, node.active_peers
    poll(node)
    assert (node.health_json, node.reported_at, node.cpu_percent, node.active_peers) == before
    assert node.last_attempt_at > node.reported_at


@pytest.mark.parametrize(("failures", "wait"), [(0, 5), (1, 10)])
def test_a_failure_is_followed_by_a_retry_soon(failures, wait):
    node = make_node(agent_url=agents.closed_port(), failures=failures)
    poll(node)
    waits = node.next_poll_at - node.last_attempt_at
    assert (node.failures, round(waits.total_seconds())) == (failures + 1, wait)


def test_failing_since_is_the_first_failure():
    node = make_node(agent_url=agents.closed_port())
    poll(node)
    first = node.failing_since
    poll(node)
    assert node.failing_since == first


def test_a_node_without_a_secret_fails_without_being_called(impostor):
    stranger = impostor(agents.silent)
    node = make_node(agent_url=stranger.url, secret=None)
    assert poll(node).failures == {"no_secret": 1}
    assert (stranger.connections, node.status_reason) == (0, "No secret is stored for this node.")


# --- when silence becomes a verdict ---------------------------------------------------------------


def settle(seconds_from_now: float = 0) -> int:
    now = timezone.now() + dt.timedelta(seconds=seconds_from_now)
    return polling.settle_overdue(now, dt.timedelta(seconds=15))


def test_one_failure_is_no_verdict():
    make_online_node(failures=1, failing_since=ago(100), reported_at=ago(100))
    assert settle() == 0


def test_two_failures_within_the_grace_are_no_verdict():
    make_online_node(failures=2, failing_since=ago(20), reported_at=ago(37))
    assert settle() == 0


def test_two_failures_and_no_report_for_forty_seconds_are_offline():
    node = make_online_node(failures=2, failing_since=ago(20), reported_at=ago(38.1))
    assert settle() == 1
    node.refresh_from_db()
    assert node.status == Status.OFFLINE
    assert node.status_since > ago(60)


def test_the_reason_of_the_last_failure_stays():
    node = make_online_node(
        failures=2, failing_since=ago(50), reported_at=ago(50), status_reason="Connection refused"
    )
    settle()
    node.refresh_from_db()
    assert (node.status, node.status_reason) == (Status.OFFLINE, "Connection refused")


def test_a_verdict_is_given_once():
    make_online_node(failures=2, failing_since=ago(50), reported_at=ago(50))
    assert [settle(), settle(5)] == [1, 0]


def test_a_long_interval_has_a_longer_grace():
    make_online_node(failures=2, failing_since=ago(50), reported_at=ago(60))
    assert polling.settle_overdue(timezone.now(), dt.timedelta(seconds=60)) == 0


def test_a_disabled_node_gets_no_verdict():
    make_online_node(enabled=False, failures=2, failing_since=ago(50), reported_at=ago(50))
    assert settle() == 0


def test_a_node_that_never_reported_is_offline_at_its_second_failure():
    node = make_node(agent_url=agents.closed_port())
    statuses = [poll(node) and node.status for _ in range(2)]
    assert statuses == [Status.UNKNOWN, Status.OFFLINE]


# --- nobody's work is undone ----------------------------------------------------------------------


class Held:
    """An agent whose answer waits until the test lets it go."""

    def __init__(self, secret: str, node_id: UUID) -> None:
        self.asked, self.free = threading.Event(), threading.Event()
        self._answer = agents.signing_as(str(node_id), secret)

    def __call__(self, conn) -> None:
        conn.recv(1, agents.socket.MSG_PEEK)
        self.asked.set()
        self.free.wait(20)
        self._answer(conn)


@pytest.fixture
def held_poll(impostor, transactional_db):
    """Return an act that polls a node, and does something while it is being asked."""

    def act(meanwhile: Callable[[UUID], object]) -> polling.Round:
        agent = Held(SECRET, node_id := uuid4())
        make_node(id=node_id, agent_url=impostor(agent).url, secret=SECRET)
        done: list[polling.Round] = []
        thread = threading.Thread(
            target=lambda: (done.append(polling.poll([node_id])), connection.close())
        )
        thread.start()
        assert agent.asked.wait(20)
        meanwhile(node_id)
        agent.free.set()
        thread.join()
        return done[0]

    return act


def test_a_node_that_was_deleted_meanwhile_does_not_come_back(held_poll):
    done = held_poll(lambda pk: Node.objects.filter(pk=pk).delete())
    assert (done.reported, done.written, Node.objects.count()) == (1, 0, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"agent_url": "http://127.0.0.1:9"},
        {"enabled": False},
        {"last_attempt_at": dt.datetime(2030, 1, 1, tzinfo=dt.UTC)},
    ],
    ids=["another address", "disabled", "another poll"],
)
def test_a_result_for_what_the_row_was_before_is_dropped(held_poll, change):
    done = held_poll(lambda pk: Node.objects.filter(pk=pk).update(**change))
    assert (done.written, Node.objects.get().status) == (0, Status.UNKNOWN)


def test_a_result_got_with_an_earlier_secret_is_dropped(held_poll):
    def change(pk: UUID) -> None:
        node = Node.objects.get(pk=pk)
        node.secret = "another secret of more than 32 bytes, indeed"
        node.save(update_fields=["secret"])

    assert held_poll(change).written == 0


def test_what_an_operator_changes_meanwhile_stays(held_poll):
    changed = {"name": "renamed", "maintenance": True, "weight": 2, "max_peers": 7}
    done = held_poll(lambda pk: Node.objects.filter(pk=pk).update(**changed))
    assert done.written == 1
    assert Node.objects.values(*changed).get() == changed


def test_whoever_asks_for_a_poll_while_one_runs_gets_another(held_poll):
    held_poll(lambda pk: polling.request_polls(Node.objects.filter(pk=pk)))
    node = Node.objects.get()
    assert (node.status, node.next_poll_at <= timezone.now()) == (Status.ONLINE, True)


def test_a_disabled_node_is_not_asked(live_agent):
    agent = live_agent()
    assert poll(agent.node(enabled=False)).asked == 0
    assert agent.asked == 0


def test_a_node_that_is_gone_is_left_out():
    assert polling.poll([uuid4()]).asked == 0


# --- dead nodes do not delay the rest -------------------------------------------------------------


def until(is_true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not (seen := is_true()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return seen


@pytest.mark.django_db(transaction=True)
def test_the_sound_ones_of_a_mixed_fleet_are_stored_while_the_silent_still_keep_us_waiting(
    live_agent, impostor
):
    black_hole = impostor(agents.silent)
    dead = [make_online_node(agent_url=black_hole.url) for _ in range(30)]
    behaviours = [
        agents.trickling_body,
        agents.answering("200 OK", b"<html>"),
        agents.answering("500 Oops"),
    ]
    dead += [make_online_node(agent_url=impostor(behave).url) for behave in behaviours]
    seen = {node.pk: node.reported_at for node in dead}
    sound = [live_agent().node() for _ in range(4)]
    broken = live_agent()
    broken.body = json.dumps(
        make_report(interfaces={"wg0": make_interface(status="down", public_key=None)})
    ).encode()
    missing = broken.node()
    every = [node.pk for node in (*dead, *sound, missing)]
    thread = threading.Thread(target=lambda: (polling.poll(every), connection.close()))
    thread.start()

    assert until(
        lambda: (
            Node.objects.filter(
                status=Status.ONLINE, failures=0, pk__in=[n.pk for n in sound]
            ).count()
            == 4
        )
    )
    assert thread.is_alive()
    thread.join()
    missing.refresh_from_db()
    assert (missing.status, missing.status_reason) == (Status.DEGRADED, "wg0 is missing")
    assert dict(Node.objects.filter(pk__in=seen).values_list("pk", "reported_at")) == seen
    reasons = set(Node.objects.filter(pk__in=seen).values_list("status_reason", flat=True))
    assert reasons == {
        "No answer within 7 s.",
        "Unsigned answer: this may not be our agent.",
        "Unsigned answer: HTTP 500.",
    }


# --- who is due, and who takes it -----------------------------------------------------------------


def claim(limit: int = 1000) -> list[list[UUID]]:
    return polling.claim_due(timezone.now(), limit)


def test_only_nodes_that_are_due_are_claimed():
    due = make_node(next_poll_at=ago(1))
    make_node(next_poll_at=ago(-5))
    make_node(next_poll_at=ago(1), enabled=False)
    make_node(next_poll_at=ago(1), claimed_until=ago(-5))
    assert claim() == [[due.pk]]


def test_a_claim_says_until_when_and_touches_nobody_else():
    due, other = make_node(next_poll_at=ago(1)), make_node(next_poll_at=ago(-5))
    claim()
    for node in (due, other):
        node.refresh_from_db()
    assert due.claimed_until > timezone.now()
    assert other.claimed_until is None


def test_a_node_is_claimed_once():
    make_node(next_poll_at=ago(1))
    claim()
    assert claim() == []


def test_a_claim_that_was_not_kept_ends_by_itself():
    node = make_node(next_poll_at=ago(60), claimed_until=ago(1))
    assert claim() == [[node.pk]]


def test_a_claim_from_before_the_clock_stepped_back_is_void():
    node = make_node(next_poll_at=ago(1), claimed_until=ago(-600))
    assert claim() == [[node.pk]]


def test_a_poll_frees_the_claim(live_agent):
    node = live_agent().node(next_poll_at=ago(1))
    claim()
    poll(node)
    assert node.claimed_until is None


def test_those_that_wait_longest_come_first():
    make_node(next_poll_at=ago(1))
    late = make_node(next_poll_at=ago(100))
    assert claim(limit=1) == [[late.pk]]


def test_batches_have_their_size_and_failing_nodes_their_own(settings):
    settings.POLL_BATCH = 2
    sound = {make_node(next_poll_at=ago(1)).pk for _ in range(3)}
    failing = {make_node(next_poll_at=ago(1), failures=1, failing_since=ago(9)).pk}
    batches = claim()
    assert [len(batch) for batch in batches] == [2, 1, 1]
    assert {*batches[0], *batches[1]} == sound
    assert set(batches[2]) == failing


def test_a_node_that_waits_beyond_all_measure_is_made_due():
    stray, patient = make_node(next_poll_at=ago(-3600)), make_node(next_poll_at=ago(-350))
    assert polling.recall_stray(timezone.now(), dt.timedelta(seconds=15)) == 1
    assert claim() == [[stray.pk]]
    assert patient.next_poll_at > timezone.now()


@pytest.mark.django_db(transaction=True)
def test_eight_workers_that_claim_at_once_get_each_node_once():
    nodes = {make_node(next_poll_at=ago(1)).pk for _ in range(60)}
    start, claimed = threading.Barrier(8), []

    def work() -> None:
        start.wait()
        while batches := claim(limit=10):
            claimed.extend(pk for batch in batches for pk in batch)
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert (len(claimed), set(claimed)) == (60, nodes)


# --- poll now -------------------------------------------------------------------------------------


def test_poll_now_makes_enabled_nodes_due_and_says_how_many():
    make_node(next_poll_at=ago(-300))
    make_node(next_poll_at=ago(-300), enabled=False)
    assert polling.request_polls(Node.objects.all()) == 1
    assert len(claim()[0]) == 1


def test_poll_now_leaves_other_nodes_alone():
    make_node(name="other", next_poll_at=ago(-300))
    assert polling.request_polls(Node.objects.filter(name="mine")) == 0
    assert claim() == []


def test_poll_now_wakes_a_worker_after_the_commit(django_capture_on_commit_callbacks, monkeypatch):
    sent: list[str] = []
    monkeypatch.setattr(polling.current_app, "send_task", lambda name, **_: sent.append(name))
    make_node()
    with django_capture_on_commit_callbacks(execute=True):
        polling.request_polls(Node.objects.all())
        assert sent == []
    assert sent == ["nodes.tasks.start_polls"]


def test_poll_now_for_nobody_wakes_nobody(django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as callbacks:
        polling.request_polls(Node.objects.none())
    assert callbacks == []


@pytest.mark.django_db(transaction=True)
def test_poll_now_works_while_the_broker_is_down(monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr(polling.current_app, "send_task", fail)
    make_node(next_poll_at=ago(-300))
    with transaction.atomic():
        assert polling.request_polls(Node.objects.all()) == 1
    assert len(claim()) == 1
