"""The agent as it is started on a node, and the panel's signed calls to it."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from wgpanel_agent.documents import StatusReport, fingerprint_key, preshared_key_fingerprint
from wgpanel_agent.protocol import derive_keys, sign_request, verify_response

SECRET = "kX2v7Qm4Zt9Lw1Rb6Ny3Hc8Jd5Gf0PsAAgent"
KEYS = derive_keys("node-1", 1, SECRET.encode())
SECRET_PSK = "u5drUhN5vZ6amdqZHuGI4GFCjlJXVCDlFGiF6jwAck0="
AUTHORITY = "127.0.0.1:8080"


def call(method: str, path: str, body: Any = None, query: str = "") -> tuple[int, Any]:
    """What the panel does: sign, send, believe only a signed answer."""
    raw = b"" if body is None else json.dumps(body).encode()
    request = sign_request(
        KEYS, method=method, authority=AUTHORITY, path=path, query=query, body=raw, now=time.time()
    )
    connection = http.client.HTTPConnection(AUTHORITY, timeout=10)
    connection.request(method, path + (f"?{query}" if query else ""), raw, request.headers)
    answer = connection.getresponse()
    data = answer.read()
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.getheaders()]
    verify_response(KEYS, request.binding, status=answer.status, headers=headers, body=data)
    connection.close()
    return answer.status, json.loads(data)


def ask(path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(AUTHORITY, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.read()


def url_safe(key: str) -> str:
    return key.translate(str.maketrans("+/", "-_")).rstrip("=")


@dataclass
class RunningAgent:
    process: subprocess.Popen[bytes]
    log: Path
    state: Path

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=15)


@pytest.fixture
def agent(box: Any, tmp_path: Path) -> Iterator[RunningAgent]:
    """Managing wg0, with its secret where automation would put it: in the environment."""
    environment = {
        "PATH": os.environ["PATH"],
        "WGPANEL_AGENT_NODE_ID": "node-1",
        "WGPANEL_AGENT_SECRET": SECRET,
        "WGPANEL_AGENT_INTERFACES": "wg0",
        "WGPANEL_AGENT_STATE_DIR": str(tmp_path / "state"),
        "WGPANEL_AGENT_PEER_METRICS": "full",
        "WGPANEL_AGENT_LOOK_SECONDS": "0.5",
    }
    log = tmp_path / "agent.log"
    words = box.inside(sys.executable, "-m", "wgpanel_agent", "run")
    with log.open("wb") as output:
        process = box.start("agent", *words, env=environment, stdout=output, stderr=output)
    started = RunningAgent(process, log, tmp_path / "state")
    deadline = time.monotonic() + 20
    while not is_healthy():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    yield started
    assert "Traceback" not in log.read_text()


def is_healthy() -> bool:
    try:
        return ask("/health") == (200, b'{"status":"ok"}')
    except OSError:
        return False


def test_the_panel_gets_a_report_it_can_parse(agent: RunningAgent, box: Any) -> None:
    status, told = call("GET", "/v1/status")
    report = StatusReport.parse(told)
    assert (status, report.status) == (200, "ok")
    assert report.wireguard.interfaces["wg0"].public_key == box.settings()[1]


def test_a_peer_lives_through_its_whole_life(agent: RunningAgent, box: Any, make_peer: Any) -> None:
    key = "/" + make_peer().public_key[1:]
    preshared = SECRET_PSK
    path = f"/v1/wg/wg0/peers/{url_safe(key)}"
    body = {"allowed_ips": ["10.9.0.9"], "preshared_key": preshared, "keepalive": 25}
    assert call("PUT", path, body) == (
        201,
        {"added": 1, "changed": 0, "removed": 0, "unchanged": 0},
    )
    _, told = call("GET", "/v1/wg/wg0/dump")
    expected = preshared_key_fingerprint(fingerprint_key("node-1", SECRET.encode()), key, preshared)
    assert told["peers"][0]["preshared_key_fingerprint"] == expected
    assert preshared not in json.dumps(told)
    assert call("PUT", path, body | {"keepalive": None})[0] == 200
    assert box.peers()[key][6] == "off"
    assert call("DELETE", path)[1]["removed"] == 1
    assert call("DELETE", path)[0] == 404
    assert box.peers() == {}


def test_a_batch_and_a_whole_document_arrive(agent: RunningAgent, box: Any, make_peer: Any) -> None:
    peers = [
        {"public_key": it.public_key, "allowed_ips": list(it.allowed_ips)}
        for it in (make_peer() for _ in range(30))
    ]
    assert call("POST", "/v1/wg/wg0/peers", {"upsert": peers})[1]["added"] == 30
    assert call("PUT", "/v1/wg/wg0/syncconf", {"peers": []})[1]["error"] == "shrink_guard"
    assert len(call("GET", "/v1/wg/wg0/peers")[1]["peers"]) == 30
    body = {"peers": peers[:1], "confirm_removals": 29}
    assert call("PUT", "/v1/wg/wg0/syncconf", body)[1]["removed"] == 29
    assert list(box.peers()) == [peers[0]["public_key"]]


def test_a_change_made_by_hand_is_seen_on_demand(
    agent: RunningAgent, box: Any, make_peer: Any
) -> None:
    peer = make_peer()
    box.add_peers([peer])
    _, told = call("GET", "/v1/wg/wg0/dump", query="max_age=0")
    assert [it["public_key"] for it in told["peers"]] == [peer.public_key]


@pytest.mark.parametrize(
    "name", ["all", "interfaces", "--help", "-h", "..", ".", "w" * 16, "wg0%0A", "wg0;id", "wg0%00"]
)
def test_a_name_that_is_not_an_interface_reaches_no_program(agent: RunningAgent, name: str) -> None:
    status, told = ask(f"/v1/wg/{name}/dump")
    assert (status, json.loads(told)["error"]) == (404, "not_found")


def test_metrics_of_the_running_agent_are_clean(
    agent: RunningAgent, box: Any, make_peer: Any
) -> None:
    peer = make_peer(public_key="+" + make_peer().public_key[1:])
    box.add_peers([peer])
    wanted = f'wireguard_peer_receive_bytes_total{{interface="wg0",peer="{peer.public_key}"}} 0\n'
    deadline = time.monotonic() + 10
    while wanted.encode() not in (text := ask("/v1/metrics")[1]):
        assert time.monotonic() < deadline
        time.sleep(0.6)  # the limit is two scrapes a second
    assert b"process_resident_memory_bytes" in text
    assert b'wgpanel_agent_requests_total{route="/health",code="200"}' in text


def test_no_secret_is_left_where_others_might_look(
    agent: RunningAgent, box: Any, make_peer: Any
) -> None:
    peer = make_peer(preshared_key=SECRET_PSK)
    body = {"allowed_ips": list(peer.allowed_ips), "preshared_key": peer.preshared_key}
    call("PUT", f"/v1/wg/wg0/peers/{url_safe(peer.public_key)}", body)
    proc = Path("/proc", str(agent.process.pid))
    seen = [proc / "environ", proc / "cmdline", agent.log, *agent.state.iterdir()]
    text = b"".join(path.read_bytes() for path in seen)
    assert not [s for s in (SECRET, SECRET_PSK, box.settings()[0]) if s.encode() in text]
    limits = (proc / "limits").read_text()
    assert limits.split("Max core file size")[1].split()[:2] == ["0", "0"]
    handed = [os.readlink(fd) for fd in (proc / "fd").iterdir()]
    assert not [name for name in handed if "memfd" in name]


def test_a_hung_interface_makes_the_node_unhealthy_and_keeps_its_numbers(
    agent: RunningAgent, box: Any, make_peer: Any
) -> None:
    box.add_peers([make_peer()])
    call("GET", "/v1/wg/wg0/dump", query="max_age=0")
    box.children["wg0"].send_signal(signal.SIGSTOP)
    deadline = time.monotonic() + 30
    while ask("/health") != (503, b'{"status":"unhealthy"}'):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    report = StatusReport.parse(call("GET", "/v1/status")[1])
    box.children["wg0"].send_signal(signal.SIGCONT)
    assert report.status == "unhealthy"
    assert report.wireguard.interfaces["wg0"].peer_count == 1
    assert (report.wireguard.snapshot_age_seconds or 0) > 0.5


def test_a_signal_ends_it_and_the_tunnel_stays(agent: RunningAgent, box: Any) -> None:
    assert agent.stop() == 0
    assert box.has("wg0")


def command(box: Any, folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    secret = folder / "secret"
    secret.touch(0o600)
    secret.write_text(SECRET)
    environment = {
        "PATH": os.environ["PATH"],
        "WGPANEL_AGENT_NODE_ID": "node-1",
        "WGPANEL_AGENT_SECRET_FILE": str(secret),
        "WGPANEL_AGENT_INTERFACES": "wg0",
    }
    words = box.inside(sys.executable, "-m", "wgpanel_agent", name)
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


def test_show_prints_the_same_report(box: Any, tmp_path: Path) -> None:
    done = command(box, tmp_path, "show")
    assert done.returncode == 0
    assert StatusReport.parse(json.loads(done.stdout)).wireguard.interfaces["wg0"].status == "up"


def test_the_doctor_takes_a_running_agent_for_no_trouble(
    agent: RunningAgent, box: Any, tmp_path: Path
) -> None:
    done = command(box, tmp_path, "doctor")
    assert done.returncode == 0
    assert "ok       port" in done.stdout.splitlines()
    assert "ok       interfaces" in done.stdout.splitlines()
