"""What handlers are given, and what becomes of what they give."""

import json

import pytest
from wgpanel_agent.api.app import AgentApp
from wgpanel_agent.api.limits import Limits
from wgpanel_agent.http import Counters, HttpError, Reply

PEERS = "/v1/wg/wg0/peers"


def envelope(heard) -> dict:
    assert heard.header("content-type") == "application/json"
    return json.loads(heard.body)


def test_a_handler_is_given_parameters_query_and_body(edge):
    edge.call("POST", PEERS, query="since=7&x=%41", body=b'{"peers":[1]}')
    ((name, call),) = edge.calls
    assert name == "change_peers"
    assert (call.params, call.query) == ({"iface": "wg0"}, {"since": "7", "x": "A"})
    assert (call.body, call.signed) == ({"peers": [1]}, True)


def test_a_request_without_a_body_gives_none(edge):
    edge.call("POST", PEERS)
    assert edge.calls[0][1].body is None


def test_what_a_handler_refuses_is_a_signed_envelope(edge):
    edge.agent.outcome = HttpError(409, "stale", "Generation 7 is newer.", generation=7)
    request = edge.sign()
    heard = edge.say("GET", "/v1/status", request.headers)
    assert heard.status == 409
    assert envelope(heard) == {
        "error": "stale",
        "detail": "Generation 7 is newer.",
        "generation": 7,
    }
    assert edge.verify(request, heard)


def test_a_handler_that_fails_is_a_signed_500_that_tells_nothing(edge, caplog):
    edge.agent.outcome = RuntimeError("canary")
    request = edge.sign()
    heard = edge.say("GET", "/v1/status", request.headers)
    assert (heard.status, envelope(heard)["error"]) == (500, "internal")
    assert b"canary" not in heard.body
    assert "canary" in caplog.text
    assert edge.verify(request, heard)


def test_an_answer_that_is_no_json_is_a_500(edge):
    edge.agent.outcome = Reply(200, {"cpu": float("nan")})
    assert envelope(edge.call())["error"] == "internal"


def test_bytes_and_an_etag_go_out_as_they_are_and_signed(edge):
    edge.agent.outcome = Reply(200, b"x 1\n", {"content-type": "text/plain", "etag": '"7"'})
    request = edge.sign("GET", "/v1/metrics")
    heard = edge.say("GET", "/v1/metrics", request.headers)
    assert (heard.body, heard.header("content-type")) == (b"x 1\n", "text/plain")
    assert heard.header("etag") == '"7"'
    assert edge.verify(request, heard)


@pytest.mark.parametrize("query", ["a=1&a=2", "a", "=&=", "a=%ff", "&".join("abcdefghijklmnopqrs")])
def test_a_query_with_two_meanings_is_422(edge, query):
    heard = edge.call(query=query)
    assert (heard.status, envelope(heard)["error"]) == (422, "bad_query")
    assert edge.calls == []


@pytest.mark.parametrize(("method", "path"), [("GET", PEERS), ("DELETE", f"{PEERS}/{'A' * 43}")])
def test_a_method_without_a_body_takes_none(edge, method, path):
    heard = edge.call(method, path, body=b"{}")
    assert (heard.status, edge.calls) == (400, [])


def test_a_body_of_another_type_is_415(edge):
    request = edge.sign("POST", PEERS, body=b"a=1")
    cover, params = request.headers["signature-input"].split("(")[1].split(")")
    request.headers["content-type"] = "application/x-www-form-urlencoded"
    heard = edge.say("POST", PEERS, edge.resign(request, cover, params), b"a=1")
    assert (heard.status, envelope(heard)["error"]) == (415, "unsupported_type")


@pytest.mark.parametrize("path", ["/", "/nowhere", "/v1", "/admin", "/docs", "/openapi.json"])
def test_a_path_outside_the_table_is_an_unsigned_404(edge, path):
    heard = edge.say("GET", path, {"host": edge.host})
    assert (heard.status, envelope(heard)["error"], heard.signed) == (404, "not_found", False)


def test_a_method_outside_the_table_is_405_with_allow(edge):
    heard = edge.say("PATCH", PEERS, {"host": edge.host})
    assert (heard.status, heard.header("allow")) == (405, "GET, POST")
    assert envelope(heard)["error"] == "method_not_allowed"


def test_answers_are_never_kept_by_a_cache(edge):
    assert edge.call().header("cache-control") == "no-store"


def test_requests_are_counted_by_route_and_status(edge):
    edge.call()
    edge.say("GET", "/v1/status", {"host": edge.host})
    edge.say("GET", "/nowhere", {"host": edge.host})
    assert edge.counters.requests == {
        ("/v1/status", 200): 1,
        ("/v1/status", 401): 1,
        ("unknown", 404): 1,
    }


def test_an_application_without_a_handler_for_each_route_is_not_made():
    with pytest.raises(KeyError, match="health"):
        AgentApp(None, {}, None, counters=Counters(), limits=Limits())
