"""The loop that carries requests: limits, silence, and life beside forks and shutdowns."""

import os
import threading
import time

import pytest

from nodes.calling.exchange import AgentError, Received
from nodes.polls import cadence, fanout
from nodes.polls.fanout import Errand, Fanout
from nodes.tests import agents


@pytest.fixture
def carrier():
    """Return a fan-out that asks two at a time."""
    carrier = Fanout(2)
    yield carrier
    carrier.close()


def errand(url: str) -> Errand:
    return Errand(url.removeprefix("http://"), "/v1/status", {}, None)


def ask(carrier: Fanout, *errands: Errand) -> list[Errand]:
    return [one for portion in carrier.ask(errands) for one in portion]


class Counting:
    """Answers, and remembers how many were waiting for an answer at the same time."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self._lock = threading.Lock()

    def __call__(self, conn) -> None:
        agents.read_request(conn)
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.05)
        with self._lock:
            self.now -= 1
        conn.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")


def test_all_errands_end_with_an_answer_or_a_reason(carrier, impostor):
    good = impostor(agents.answering("200 OK", b"{}"))
    ended = ask(carrier, errand(good.url), errand(agents.closed_port()))
    kinds = {type(one.result) for one in ended}
    assert kinds == {Received, AgentError}
    assert all(0 < one.sent_at <= one.ended_at for one in ended)


def test_no_more_than_the_limit_are_asked_at_a_time(carrier, impostor):
    counting = Counting()
    server = impostor(counting)
    assert len(ask(carrier, *[errand(server.url) for _ in range(12)])) == 12
    assert counting.most == 2


def test_silent_ones_step_aside_for_the_rest(carrier, impostor, monkeypatch):
    monkeypatch.setattr(fanout, "BRISK_SECONDS", 0.1)
    monkeypatch.setattr(cadence, "POLL_SECONDS", 30)
    black_hole, good = impostor(agents.silent), impostor(agents.answering("200 OK", b"{}"))
    silent = [errand(black_hole.url) for _ in range(4)]
    brisk = [errand(good.url) for _ in range(6)]
    portions = carrier.ask([*silent, *brisk])
    ended = []
    while len(ended) < 6:
        ended += next(portions)
    assert {one.authority for one in ended} == {brisk[0].authority}


def test_there_are_never_too_many_aside(carrier, impostor, monkeypatch):
    monkeypatch.setattr(fanout, "BRISK_SECONDS", 0.05)
    monkeypatch.setattr(cadence, "POLL_SECONDS", 1.0)
    black_hole = impostor(agents.silent)
    ended = ask(carrier, *[errand(black_hole.url) for _ in range(15)])
    assert {one.result.code for one in ended} == {"timeout"}
    spans = [(one.sent_at, one.ended_at) for one in ended]
    at_once = max(sum(start <= at < end for start, end in spans) for at, _ in spans)
    assert at_once <= 2 * (1 + fanout.SILENT_PER_BRISK)


def test_the_loop_goes_on_after_timeouts(carrier, impostor, monkeypatch):
    monkeypatch.setattr(cadence, "POLL_SECONDS", 0.3)
    black_hole, good = impostor(agents.silent), impostor(agents.answering("200 OK", b"{}"))
    ask(carrier, *[errand(black_hole.url) for _ in range(4)])
    [again] = ask(carrier, errand(good.url))
    assert again.result.status == 200


def test_a_connection_is_used_again_in_the_next_round(carrier, impostor):
    good = impostor(agents.answering("200 OK", b"{}"))
    for _ in range(3):
        ask(carrier, errand(good.url))
    assert good.connections == 1


def test_cookies_are_not_kept(carrier, impostor):
    seen: list[dict[str, str]] = []

    def behave(conn) -> None:
        while True:
            seen.append(agents.read_request(conn))
            conn.sendall(b"HTTP/1.1 200 OK\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n")

    server = impostor(behave)
    for _ in range(2):
        ask(carrier, errand(server.url))
    assert [("cookie" in fields) for fields in seen] == [False, False]


def test_no_proxy_of_the_environment_is_used(carrier, impostor, monkeypatch):
    proxy, good = impostor(agents.silent), impostor(agents.answering("200 OK", b"{}"))
    monkeypatch.setenv("http_proxy", proxy.url)
    ask(carrier, errand(good.url))
    assert (proxy.connections, good.connections) == (0, 1)


def test_several_threads_ask_at_the_same_time(carrier, impostor):
    good = impostor(agents.answering("200 OK", b"{}"))
    counts: list[int] = []

    def work() -> None:
        counts.append(len(ask(carrier, *[errand(good.url) for _ in range(5)])))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [5] * 6


def test_nothing_to_ask_is_nothing_to_wait_for(carrier):
    assert ask(carrier) == []


def test_the_process_has_one_and_makes_another_after_closing(impostor):
    first = fanout.current(2)
    assert fanout.current(2) is first
    fanout.close()
    good = impostor(agents.answering("200 OK", b"{}"))
    assert len(ask(fanout.current(2), errand(good.url))) == 1
    fanout.close()


def test_a_forked_child_has_one_of_its_own(impostor):
    good = impostor(agents.answering("200 OK", b"{}"))
    ask(fanout.current(2), errand(good.url))
    pid = os.fork()
    if pid == 0:
        ended = ask(fanout.current(2), errand(good.url))
        os._exit(0 if len(ended) == 1 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    fanout.close()
