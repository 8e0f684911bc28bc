"""Requests recorded and sent again: A02 to A05, A41."""

import secrets
import signal
import time
from concurrent.futures import ThreadPoolExecutor

from wgpanel_agent.api.limits import Limits, Rate
from wgpanel_agent.api.nonces import NonceStore
from wgpanel_agent.protocol import derive_keys


def test_a02_the_same_request_twice(edge):
    request = edge.sign("PUT", "/v1/wg/wg0/syncconf", body=b"{}")
    first, second = (
        edge.say("PUT", "/v1/wg/wg0/syncconf", request.headers, b"{}") for _ in range(2)
    )
    assert (first.status, second.status) == (200, 401)
    assert b'"replay"' in second.body
    assert edge.verify(request, second)
    assert len(edge.calls) == 1


def test_a03_fifty_identical_requests_in_parallel(edge):
    headers = edge.sign().headers
    with ThreadPoolExecutor(50) as pool:
        heard = pool.map(lambda _: edge.say("GET", "/v1/status", headers).status, range(50))
    assert sorted(heard) == [200] + [401] * 49
    assert len(edge.calls) == 1


def test_a04_a_replay_after_kill_9_and_a_restart(process):
    time.sleep(1)  # the first start has no file and refuses what was signed before it
    headers = process.sign().headers
    assert process.say("GET", "/v1/status", headers).status == 200
    process.stop(signal.SIGKILL)
    process.start()
    replayed = process.say("GET", "/v1/status", headers)
    assert (replayed.status, b'"replay"' in replayed.body) == (401, True)
    assert process.call().status == 200


def test_a05_a_replay_after_a_reboot_even_if_the_file_lost_its_end(start_edge, tmp_path):
    NonceStore(tmp_path / "nonces").close()
    just_booted = NonceStore(tmp_path / "nonces", uptime=lambda: 40.0)
    edge = start_edge(nonces=just_booted)
    recorded = edge.sign(now=time.time() - 45)
    replayed = edge.say("GET", "/v1/status", recorded.headers)
    assert (replayed.status, edge.calls) == (401, [])
    assert b'"replay"' in replayed.body
    assert edge.call().status == 200


def test_a_replay_does_not_spend_what_the_panel_may_ask(start_edge):
    edge = start_edge(Limits(per_key=Rate(0.001, 2)))
    headers = edge.sign().headers
    for _ in range(20):
        edge.say("GET", "/v1/status", headers)
    assert edge.call().status == 200
    over = edge.sign()
    refused = edge.say("GET", "/v1/status", over.headers)
    assert refused.status == 429
    assert refused.header("retry-after") == "1"
    assert edge.verify(over, refused)


def test_a_request_that_was_over_the_limit_cannot_be_replayed_later(start_edge):
    edge = start_edge(Limits(per_key=Rate(5, 1)))
    edge.call()
    headers = edge.sign().headers
    assert edge.say("GET", "/v1/status", headers).status == 429
    time.sleep(0.5)
    assert edge.say("GET", "/v1/status", headers).status == 401


def test_a_full_nonce_store_is_said_so_and_signed(start_edge):
    edge = start_edge(nonces=NonceStore(None, capacity=1))
    edge.call()
    request = edge.sign()
    refused = edge.say("GET", "/v1/status", request.headers)
    assert (refused.status, refused.header("retry-after")) == (503, "60")
    assert edge.verify(request, refused)


def test_a41_random_nonces_without_a_right_mac_do_not_grow_the_store(edge):
    stranger = derive_keys(edge.keys.node, 1, secrets.token_bytes(32))
    with edge.connect() as sock:
        for _ in range(5_000):
            headers = edge.sign(keys=stranger).headers
            assert edge.say_on(sock, "GET", "/v1/status", headers).status == 401
    assert len(edge.nonces) == 0
    assert edge.counters.auth_failures["bad_signature"] == 5_000
