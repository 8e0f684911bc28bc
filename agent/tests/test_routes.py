"""One spelling of each path, or none."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wgpanel_agent.api.routes import METRICS_ONLY, ROUTES, Router
from wgpanel_agent.http import HttpError


def found(path: str, method: str = "GET") -> tuple[str, dict[str, str]]:
    route, parameters = Router().find(method, path)
    return route.handler, parameters


def refusal(path: str, method: str = "GET", router: Router | None = None) -> HttpError:
    with pytest.raises(HttpError) as caught:
        (router or Router()).find(method, path)
    return caught.value


def test_a_path_leads_to_its_handler_with_its_parameters():
    assert found("/v1/wg/wg0/dump") == ("dump", {"iface": "wg0"})
    assert found("/v1/wg/wg-home_1/syncconf", "POST") == ("sync_conf", {"iface": "wg-home_1"})


@given(st.binary(min_size=32, max_size=32))
def test_any_public_key_reaches_the_handler_in_standard_base64(raw):
    in_path = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    handler, parameters = found(f"/v1/wg/wg0/peers/{in_path}", "DELETE")
    assert (handler, parameters["peer"]) == ("delete_peer", base64.b64encode(raw).decode())


@pytest.mark.parametrize(
    "peer",
    [
        "A" * 42,
        "A" * 44,
        "A" * 43 + "=",
        "A" * 42 + "B",
        "A" * 41 + "+A",
        "A" * 41 + "/A",
        "",
        "٣" * 43,
    ],
)
def test_a_second_spelling_of_a_key_is_not_found(peer):
    assert refusal(f"/v1/wg/wg0/peers/{peer}", "PUT").status == 404


@pytest.mark.parametrize("path", ["/v1/wg/wg0/peers", "/health"])
def test_a_method_that_a_path_does_not_have_is_405_with_allow(path):
    error = refusal(path, "PATCH")
    assert error.status == 405
    assert "GET" in error.headers["allow"]


def test_the_keys_of_an_agent_are_reached_by_post_alone():
    for step in ("stage", "prove", "retire"):
        assert found(f"/v1/keys/{step}", "POST") == (f"{step}_key", {})
        assert refusal(f"/v1/keys/{step}").status == 405


def test_a_listener_for_metrics_serves_nothing_else():
    router = Router(METRICS_ONLY)
    assert router.find("GET", "/v1/metrics")[0].handler == "metrics"
    others = {route.template for route in ROUTES} - {"/v1/metrics"}
    assert all(refusal(path, router=router).status == 404 for path in others)


def test_only_health_and_metrics_are_public():
    assert {route.template for route in ROUTES if route.public} == {"/health", "/v1/metrics"}
