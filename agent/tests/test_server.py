"""Connections, signals, and the listener for metrics."""

import json
import signal
import socket
import threading
import time

import pytest
from wgpanel_agent.api.limits import Limits
from wgpanel_agent.api.server import listen

HEALTH = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"


def everything(sock: socket.socket) -> bytes:
    return b"".join(iter(lambda: sock.recv(65536), b""))


def test_a_connection_serves_many_requests(edge):
    with edge.connect() as sock:
        heard = [edge.say_on(sock, "GET", "/v1/status", edge.sign().headers) for _ in range(5)]
    assert [answer.status for answer in heard] == [200] * 5


def test_a_connection_goes_on_after_a_refusal_whose_body_nobody_read(edge):
    body = b"x" * 3_000_000
    with edge.connect() as sock:
        refused = edge.say_on(sock, "PUT", "/v1/wg/wg0/syncconf", {"host": "a"}, body)
        assert refused.status == 401
        assert edge.say_on(sock, "GET", "/v1/status", edge.sign().headers).status == 200


def test_requests_sent_before_the_answer_are_not_answered(edge):
    with edge.connect() as sock:
        sock.sendall(HEALTH * 3)
        assert everything(sock).count(b"HTTP/1.1 200 OK") == 1


def test_rubbish_after_a_request_does_not_touch_its_answer(edge):
    with edge.connect() as sock:
        sock.sendall(HEALTH + b"\0\xffrubbish\r\n\r\n")
        answers = everything(sock)
    assert answers.startswith(b"HTTP/1.1 200 OK")
    assert answers.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("raw", [b"\0\xff\r\n\r\n", b"GET / HTTP/3.0\r\n\r\n", b"\x16\x03\x01\x02"])
def test_what_is_no_http_is_a_400_in_json(edge, raw):
    heard = edge.send(raw)
    assert (heard.status, json.loads(heard.body)["error"]) == (400, "bad_request")
    assert heard.header("connection") == "close"


@pytest.mark.parametrize("field", [b"X: %s\r\n", b"%s: x\r\n", b"X: " + b"x" * 60 + b"\r\n"])
def test_a_head_of_more_than_16_kib_is_refused(edge, field):
    filling = b"x" * 17_000
    lines = field % filling if b"%s" in field else field * 300
    heard = edge.send(b"GET /health HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\n")
    assert (heard.status, json.loads(heard.body)["error"]) == (431, "head_too_large")


@pytest.mark.parametrize("start", [b"GET /health HTTP/1.1\r\nX: ", b"GET /"])
def test_a_head_that_never_ends_is_refused_before_it_ends(edge, start):
    assert edge.send(start + b"x" * 40_000).status == 431


def test_the_end_of_a_refused_body_does_not_count_as_head_of_the_next_request(edge):
    with edge.connect() as sock:
        sock.sendall(
            b"PUT /v1/wg/wg0/syncconf HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n"
        )
        assert edge.hear(sock).status == 401
        sock.sendall(b"x" * 60_000 + HEALTH[:20])
        time.sleep(0.1)
        sock.sendall(HEALTH[20:])
        assert edge.hear(sock).status == 200


def test_hosts_without_number_are_refused(edge):
    fields = b"Host: a\r\n" * 1_500
    assert edge.send(b"GET /health HTTP/1.1\r\n" + fields + b"\r\n").status == 400


def test_a_head_of_almost_16_kib_is_served(edge):
    raw = b"GET /health HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 16_000 + b"\r\n\r\n"
    assert edge.send(raw).status == 200


@pytest.mark.parametrize(
    "line", ["Upgrade: websocket\r\nConnection: upgrade", "Upgrade: h2c", "Trailer: x"]
)
def test_no_other_protocol_is_spoken(edge, line):
    assert edge.send(f"GET /health HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n".encode()).status == 400


def test_a_client_that_asks_before_it_sends_a_body_is_told_to_go_on(edge):
    request = edge.sign("POST", "/v1/wg/wg0/peers", body=b"{}")
    lines = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    head = f"POST /v1/wg/wg0/peers HTTP/1.1\r\n{lines}Content-Length: 2\r\n"
    with edge.connect() as sock:
        sock.sendall(f"{head}Expect: 100-continue\r\nConnection: close\r\n\r\n".encode())
        assert sock.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"{}")
        assert everything(sock).startswith(b"HTTP/1.1 200 OK")


def test_http_1_0_is_answered_and_closed(edge):
    with edge.connect() as sock:
        sock.sendall(b"GET /health HTTP/1.0\r\nHost: a\r\n\r\n")
        assert b"connection: close" in everything(sock)


def test_an_idle_connection_is_closed_after_a_while(start_edge):
    edge = start_edge(Limits(idle_time=0.2))
    with edge.connect() as sock:
        assert edge.say_on(sock, "GET", "/health", {"host": "a"}).status == 200
        assert sock.recv(1) == b""


def test_a_client_that_leaves_in_the_middle_of_its_body_reaches_no_handler(edge):
    request = edge.sign("PUT", "/v1/wg/wg0/syncconf", body=b"{}")
    lines = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    with edge.connect() as sock:
        sock.sendall(f"PUT /v1/wg/wg0/syncconf HTTP/1.1\r\n{lines}".encode())
        sock.sendall(b"Content-Length: 2\r\n\r\n{")
    time.sleep(0.2)
    assert edge.call().status == 200
    assert [name for name, _ in edge.calls] == ["status"]


def test_sigterm_lets_a_request_under_way_finish_and_ends_with_0(process):
    heard = []
    thread = threading.Thread(target=lambda: heard.append(process.call(query="wait=1")))
    thread.start()
    time.sleep(0.4)
    assert process.stop(signal.SIGTERM) == 0
    thread.join()
    assert heard[0].status == 200


def test_an_address_that_is_taken_is_an_error_at_the_start(process):
    assert process.spawn().wait(timeout=20) == 1


def test_the_address_of_all_interfaces_takes_ipv4_and_ipv6():
    with listen("::", 0) as listener:
        for host in ("127.0.0.1", "::1"):
            with socket.create_connection((host, listener.getsockname()[1])) as sock:
                assert sock.getpeername()[0] == host


def test_metrics_have_a_listener_of_their_own(process):
    assert process.metrics.say("GET", "/v1/metrics", {"host": "a"}).status == 200
    assert process.metrics.say("GET", "/v1/status", {"host": "a"}).status == 404
