"""What strangers may ask, and names that are no names: A43, A44, A51."""

import json
import string

import pytest
from wgpanel_agent.api.limits import Limits, Rate
from wgpanel_agent.api.routes import ROUTES
from wgpanel_agent.protocol import ProtocolError


def statuses(edge, path: str, times: int) -> list[int]:
    with edge.connect() as sock:
        headers = {"host": edge.host}
        return [edge.say_on(sock, "GET", path, headers).status for _ in range(times)]


def test_a43_a_hundred_metrics_requests_are_ten_answers(edge):
    heard = statuses(edge, "/v1/metrics", 100)
    assert heard[:10] == [200] * 10
    assert heard.count(429) > 80


def test_a43_more_than_a_hundred_health_requests_at_once_are_too_many(start_edge):
    edge = start_edge(Limits(health=Rate(1, 100)))
    heard = statuses(edge, "/health", 120)
    assert heard[:100] == [200] * 100
    assert 429 in heard[100:]


def test_a43_who_asks_too_much_is_told_when_to_come_back(start_edge):
    edge = start_edge(Limits(metrics=Rate(0.1, 1)))
    statuses(edge, "/v1/metrics", 1)
    heard = edge.say("GET", "/v1/metrics", {"host": edge.host})
    assert (heard.status, heard.header("retry-after")) == (429, "1")
    assert json.loads(heard.body)["error"] == "too_many_requests"


def test_a43_a_signed_request_is_not_held_up_by_the_limit_for_strangers(start_edge):
    edge = start_edge(Limits(health=Rate(0.1, 1)))
    assert 429 in statuses(edge, "/health", 2)
    assert edge.call("GET", "/health").status == 200


def test_a43_a_stranger_is_known_as_one_to_the_handler(edge):
    edge.say("GET", "/health", {"host": edge.host})
    edge.call("GET", "/health")
    assert [(name, call.signed) for name, call in edge.calls] == [
        ("health", False),
        ("health", True),
    ]


def test_a43_no_answer_to_a_stranger_holds_key_material_or_the_servers_name(edge):
    secrets = [edge.keys.node, *(key.hex() for key in (edge.keys.request, edge.keys.response))]
    for path in ("/health", "/v1/metrics", "/v1/status", "/v1/wg/wg0/dump", "/nowhere"):
        heard = edge.say("GET", path, {"host": edge.host})
        text = repr(heard).lower()
        assert not any(secret in text for secret in (*secrets, "uvicorn", "python"))
        assert heard.header("server") is heard.header("date") is None


@pytest.mark.parametrize(
    "sent", [None, "", "Bearer ", "Bearer wrong", "bearer t0k3n", "t0k3n", "Basic x"]
)
def test_a43_a_metrics_token_is_wanted_where_there_is_one(start_edge, sent):
    edge = start_edge(metrics_token="t0k3n")
    headers = {"host": edge.host} | ({} if sent is None else {"authorization": sent})
    assert edge.say("GET", "/v1/metrics", headers).status == 401
    assert edge.calls == []
    assert edge.counters.auth_failures["bad_token"] == 1


def test_a43_the_right_metrics_token_opens_the_metrics_only(start_edge):
    edge = start_edge(metrics_token="t0k3n")
    headers = {"host": edge.host, "authorization": "Bearer t0k3n"}
    assert edge.say("GET", "/v1/metrics", headers).status == 200
    assert edge.say("GET", "/v1/status", headers).status == 401


HOSTILE = ['a"} 1\n', "a\\nb", '{evil="1"}', "%22%7D%0Aevil%201", "wg0\u2028", "\U0001f600"]


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a44_a_hostile_name_never_becomes_a_label(edge, name):
    target = f"/v1/wg/{name}/dump".encode()
    edge.send(b"GET " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    edge.send(b"GET /v1/wg/wg0/peers/" + name.encode() + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    known = {route.template for route in ROUTES} | {"unknown"}
    assert {route for route, _ in edge.counters.requests} <= known
    assert all(
        set(reason) <= set(string.ascii_lowercase + "_") for reason in edge.counters.auth_failures
    )


@pytest.mark.parametrize(
    "name",
    [
        *("all", "interfaces", "lo", "default", "help", "--help", "-h", "..", ".", "a" * 16),
        *("wg0\n", "wg0%0A", "wg0;id", "wg0%3Bid", "wg0\0", "wg0%00", "wg\u0660", "WG0", "0wg"),
        *("", "wg0 ", "wg0%20", "$(id)", "`id`", "wg0|id", "_wg", "../../etc", "wg0/../wg1"),
    ],
    ids=ascii,
)
def test_a51_an_interface_name_that_is_none_reaches_no_handler(edge, name):
    """Signed with the right key wherever such a path can be signed at all."""
    for method, rest in (("GET", "dump"), ("PUT", "syncconf"), ("GET", "peers")):
        path = f"/v1/wg/{name}/{rest}"
        try:
            headers = edge.sign(method, path).headers
        except ProtocolError:
            headers = edge.sign(method, "/v1/wg/wg0/dump").headers
        heard = edge.send(raw(method, path, headers))
        assert heard.status in (400, 404)
    assert edge.calls == []


def raw(method: str, path: str, headers: dict[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}Content-Length: 0\r\n\r\n".encode()
