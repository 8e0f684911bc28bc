"""Bent HTTP against the real server: A17 to A20, A34 to A40."""

import contextlib
import gzip
import json
import socket
import threading
import time
from pathlib import Path

import pytest
from wgpanel_agent.api.limits import Limits, Rate
from wgpanel_agent.protocol import derive_keys

SYNC = "/v1/wg/wg0/syncconf"
MEBIBYTE = 1024 * 1024


def fields_of(request) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in request.headers.items()]


def head(method: str, target: str, *lines: str, host: str = "a") -> bytes:
    return "\r\n".join([f"{method} {target} HTTP/1.1", f"Host: {host}", *lines, "", ""]).encode()


def test_a17_method_swapped(edge):
    path = f"/v1/wg/wg0/peers/{'A' * 43}"
    headers = edge.sign("PUT", path).headers
    assert edge.say("DELETE", path, headers).status == 401
    headers = edge.sign("GET", "/v1/wg/wg0/peers").headers
    assert edge.say("POST", "/v1/wg/wg0/peers", headers).status == 401
    assert edge.calls == []


def test_a18_query_added_or_reordered_or_taken_away(edge):
    path = "/v1/wg/wg0/dump"
    for target in (f"{path}?since=0", f"{path}?", f"{path}??"):
        heard = edge.say("GET", target, edge.sign("GET", path).headers)
        assert heard.status in (400, 401)
    headers = edge.sign("GET", path, query="a=1&b=2").headers
    for query in ("?b=2&a=1", "?a=1", "", "?a=1&b=2&", "?a=1&b=%32"):
        assert edge.say("GET", path + query, headers).status == 401
    assert edge.calls == []


@pytest.mark.parametrize(
    "target",
    [
        *(
            "//v1/status",
            "/v1//status",
            "/v1/./status",
            "/./v1/status",
            "/v1/status/",
            "/V1/status",
        ),
        *("/v1/x/../status", "/v1/%73tatus", "/v1%2Fstatus", "/v1/status%00", "/v1/status;x"),
        *("/v1/%2e%2e/v1/status", "/v1/status/.", "/v1/STATUS", "/v1/status%20", "/v1/status."),
        *("/v1/wg/wg0%2Fdump", "/v1/wg/../status", "/v1/wg/%77g0/dump", "/v1/status%3Fa", "/v1"),
    ],
)
def test_a19_another_spelling_of_a_path(edge, target):
    """Sent with the signature of the plain path, and with a right signature of its own."""
    for request in (edge.sign("GET", "/v1/status"), edge.sign("GET", target)):
        assert edge.say("GET", target, request.headers).status in (401, 404)
    assert edge.calls == []


@pytest.mark.parametrize(
    "target", ["/v1/status\\", "/v1/\xff", "/v1/sta\ttus", "/v1/status#x", "*"]
)
def test_a19_a_target_that_is_no_path(edge, target):
    assert edge.say("GET", target, edge.sign().headers).status == 400
    assert edge.calls == []


def test_a20_host_changed(edge):
    for host in ("evil.example", f"{edge.host}0", edge.address[0]):
        heard = edge.say("GET", "/v1/status", edge.sign().headers | {"host": host})
        assert heard.status in (400, 401)
    assert edge.calls == []


def test_a20_two_hosts_or_none_or_no_host_name(edge):
    fields = fields_of(edge.sign())
    bent = [fields + fields[:1], [*fields, (b"Host", b"evil.example")], fields[1:]]
    bent += [
        [(b"host", host), *fields[1:]] for host in (b"", b"a,b", b"a b", b"a@b", b"a:b", b"\xff")
    ]
    for headers in bent:
        assert edge.say("GET", "/v1/status", headers).status == 400
    assert edge.calls == []


def test_a20_absolute_form_and_authority_form(edge):
    for target in (f"http://{edge.host}/v1/status", "http://evil.example/v1/status"):
        assert edge.say("GET", target, edge.sign().headers).status == 400
    assert edge.say("CONNECT", edge.host, edge.sign().headers).status == 400
    assert edge.calls == []


@pytest.mark.parametrize(
    "name",
    [
        *("content-digest", "signature-input", "signature", "if-match", "content-length"),
        *("host", "content-type", "wgpanel-node", "idempotency-key"),
    ],
)
def test_a34_a_header_twice(edge, name):
    request = edge.sign("PUT", SYNC, if_match='"1"', idempotency_key="k", body=b"{}")
    fields = [*fields_of(request), (b"content-length", b"2")]
    twice = next((field, value) for field, value in fields if field == name.encode())
    for second in (twice, (twice[0].title(), b"other")):
        heard = edge.say("PUT", SYNC, [*fields, second], b"{}")
        assert heard.status == 400
        assert json.loads(heard.body)["error"] == "bad_request"
    assert edge.calls == []


@pytest.mark.parametrize(
    "line", ["@method: GET", "@path: /", ": x", "a b: c", "a\tb: c", "a(b): c", "\xff: x", "a : b"]
)
def test_a35_a_field_name_that_is_none(edge, line):
    heard = edge.send(f"GET /health HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n".encode("latin-1"))
    assert heard.status == 400


@pytest.mark.parametrize("value", ["a\r\n b", "a\0b", "a\rb", "a\nb"])
def test_a35_a_field_value_that_is_none(edge, value):
    assert (
        edge.send(f"GET /health HTTP/1.1\r\nHost: a\r\nX: {value}\r\n\r\n".encode()).status == 400
    )


@pytest.mark.parametrize(
    "lines",
    [
        ["Content-Length: 2", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", "Content-Length: 2"],
        ["Transfer-Encoding: chunked"],
        ["Transfer-Encoding: identity"],
        ["Transfer-Encoding : chunked"],
        ["Content-Length: -2"],
        ["Content-Length: +2"],
        ["Content-Length: 2,2"],
        ["Content-Length: 0x2"],
        ["Content-Length: 2 2"],
        ["Content-Length: "],
        ["Content-Length: 99999999999999999999999"],
    ],
    ids=", ".join,
)
def test_a36_a_length_that_could_be_read_in_two_ways(edge, lines):
    assert edge.send(head("POST", SYNC, *lines) + b"{}").status == 400


def test_a36_a_length_missing_or_too_large(edge):
    assert edge.send(head("POST", SYNC)).status == 411
    for length in (8 * MEBIBYTE + 1, 2**53):
        heard = edge.send(head("POST", SYNC, f"Content-Length: {length}"))
        assert heard.status == 413
        assert json.loads(heard.body)["limit"] == 8 * MEBIBYTE


def test_a36_a_second_request_hidden_in_a_body_is_not_answered(edge):
    hidden = head("GET", "/health")
    with edge.connect() as sock:
        sock.sendall(head("GET", "/health", f"Content-Length: {len(hidden)}") + hidden)
        sock.shutdown(socket.SHUT_WR)
        answers = b"".join(iter(lambda: sock.recv(4096), b""))
    assert answers.count(b"HTTP/1.1 ") == 1
    assert answers.startswith(b"HTTP/1.1 400")


def test_a37_a_body_of_nine_mebibytes(edge):
    body = b" " * 9 * MEBIBYTE
    request = edge.sign("PUT", SYNC, body=body)
    assert edge.say("PUT", SYNC, request.headers, body).status == 413
    assert edge.calls == []


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 8 * MEBIBYTE,
        b'{"a":' * MEBIBYTE,
        b"[NaN]",
        b'{"peers":[],"peers":[]}',
        b"[" * 10_000 + b"]" * 10_000,
        b'{"a":"\\ud800"}',
        b'{"a":"\xed\xa0\x80"}',
        b"\xff",
    ],
    ids=lambda body: repr(body[:16]),
)
def test_a37_json_that_is_no_json_takes_little_memory(process, body):
    before = peak_memory(process.process.pid)
    request = process.sign("PUT", SYNC, body=body)
    heard = process.say("PUT", SYNC, request.headers, body)
    assert heard.status == 422
    assert json.loads(heard.body)["error"] == "bad_json"
    assert process.verify(request, heard)
    assert peak_memory(process.process.pid) - before < 64 * MEBIBYTE


def peak_memory(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


def test_a38_a_gzip_bomb_is_not_unpacked(edge):
    bomb = gzip.compress(b" " * 64 * MEBIBYTE)
    request = edge.sign("PUT", SYNC, body=bomb)
    for encoding in ("gzip", "br", "identity, gzip", "x"):
        headers = edge.sign("PUT", SYNC, body=bomb).headers | {"content-encoding": encoding}
        assert edge.say("PUT", SYNC, headers, bomb).status == 415
    assert edge.say("PUT", SYNC, request.headers, bomb).status == 422
    assert edge.calls == []


def is_cut_off(sock: socket.socket, drop: bytes, seconds: float) -> bool:
    """Send one drop after another until the other side closes the connection: with a 408, after
    a 401 to the head, or without a word."""
    end = time.monotonic() + seconds
    sock.settimeout(0.05)
    heard = b""
    while time.monotonic() < end:
        try:
            sock.sendall(drop)
            piece = sock.recv(4096)
        except TimeoutError:
            continue
        except ConnectionError:
            return True
        if not piece:
            return heard[9:12] in (b"408", b"401", b"")
        heard += piece
    return False


@pytest.mark.parametrize(
    ("start", "drop"),
    [
        (b"", b""),
        (b"", b"\r\n"),
        (b"GE", b""),
        (b"GET /", b"x"),
        (head("GET", "/health")[:-2] + b"X: ", b"x"),
    ],
    ids=["nothing", "line ends", "method", "target", "field"],
)
def test_a39_a_slow_head_is_cut_off(start_edge, start, drop):
    edge = start_edge(Limits(request_time=0.3))
    with edge.connect() as sock:
        sock.sendall(start)
        assert is_cut_off(sock, drop, 10)


def test_a39_line_ends_without_end_do_not_keep_a_connection_after_an_answer(start_edge):
    edge = start_edge(Limits(idle_time=0.3))
    with edge.connect() as sock:
        assert edge.say_on(sock, "GET", "/health", {"host": edge.host}).status == 200
        assert is_cut_off(sock, b"\r\n", 10)


def test_a39_a_slow_body_is_cut_off_with_or_without_a_signature(start_edge):
    edge = start_edge(Limits(request_time=0.3))
    signed = fields_of(edge.sign("PUT", SYNC, body=b"{}"))
    for headers in (signed, [(b"host", b"a")]):
        with edge.connect() as sock:
            lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
            sock.sendall(b"PUT " + SYNC.encode() + b" HTTP/1.1\r\n" + lines)
            sock.sendall(b"Content-Length: 100000\r\n\r\n")
            assert is_cut_off(sock, b"x", 10)
    assert edge.calls == []


def test_a39_whoever_does_not_take_its_answer_is_cut_off(start_edge):
    edge = start_edge(Limits(answer_time=0.3))
    edge.agent.filling = "x" * 50 * MEBIBYTE
    with edge.connect() as sock:
        sock.sendall(head("GET", "/health"))
        time.sleep(1.5)
        taken = sum(len(piece) for piece in iter(lambda: sock.recv(1 << 20), b""))
    assert 0 < taken < 50 * MEBIBYTE


def test_a39_idle_connections_do_not_starve_a_good_client(start_edge):
    edge = start_edge(Limits(connections=20))
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(edge.connect()) for _ in range(60)]
        assert all(edge.call().status == 200 for _ in range(10))
        closed = [sock for sock in idle if is_closed(sock)]
    assert len(closed) >= 40


def is_closed(sock: socket.socket) -> bool:
    sock.setblocking(False)
    try:
        return sock.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def test_a39_with_the_default_limits(process):
    """500 idle connections, a slow head and a slow body: all are closed, and none is in the way."""
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(process.connect()) for _ in range(500)]
        slow = [stack.enter_context(process.connect()) for _ in range(2)]
        slow[0].sendall(b"GET /health HTTP/1.1\r\nX: ")
        slow[1].sendall(head("PUT", SYNC, "Content-Length: 90"))
        threads = [threading.Thread(target=is_cut_off, args=(sock, b"x", 30)) for sock in slow]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            assert process.call().status == 200
            time.sleep(0.2)
        time.sleep(0.5)
        assert all(is_closed(sock) for sock in idle)


def test_a40_a_flood_of_bad_signatures_does_not_shut_out_the_panel_behind_the_same_address(edge):
    stranger = derive_keys(edge.keys.node, 1, b"x" * 32)
    stop = threading.Event()

    def flood() -> None:
        with edge.connect() as sock:
            while not stop.is_set():
                headers = edge.sign(keys=stranger).headers
                assert edge.say_on(sock, "GET", "/v1/status", headers).status == 401

    threads = [threading.Thread(target=flood) for _ in range(4)]
    for thread in threads:
        thread.start()
    answers = []
    while edge.counters.auth_failures["bad_signature"] < 1_500:
        answers.append(edge.call().status)
        time.sleep(0.05)
    stop.set()
    for thread in threads:
        thread.join()
    assert set(answers) == {200}


def test_a_flood_of_failures_does_not_flood_the_log(start_edge, caplog):
    edge = start_edge(Limits(failures=Rate(0.001, 3)))
    for _ in range(20):
        edge.say("GET", "/v1/status", {"host": edge.host})
    lines = [record for record in caplog.records if record.name == "wgpanel_agent.api.auth"]
    assert edge.counters.auth_failures["no_signature"] == 20
    assert len(lines) == 3
