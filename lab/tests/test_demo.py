"""`make run`, as an operator has it: a fleet that is online, and nothing left after Ctrl-C."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.panel import ROOT
from lab.record import Record
from lab.rest import Rest

START_SECONDS = 120


class Demo:
    """One run of the demo on a free port; `output` grows while it runs."""

    def __init__(self, state_dir: Path, port: int, **environment: str) -> None:
        self.port, self.log = port, state_dir.parent / "demo.log"
        environment = {
            "WGPANEL_PORT": str(port),
            "WGPANEL_STATE_DIR": str(state_dir),
            **environment,
        }
        self.child = subprocess.Popen(
            [sys.executable, "-m", "lab.demo"],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=self.log.open("w"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        return self.log.read_text()

    def wait_until_up(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while "Ctrl-C stops everything" not in self.output:
            assert self.child.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.2)

    def interrupt(self) -> int:
        self.child.send_signal(signal.SIGINT)
        return self.child.wait(90)


def left_behind(state_dir: Path) -> list[str]:
    """Processes whose command line or environment names the state directory."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            told = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        except OSError:
            continue
        if str(state_dir).encode() in told and folder.name != str(os.getpid()):
            found.append((folder / "cmdline").read_text().replace("\0", " "))
    return found


def namespaces(lab: int) -> set[str]:
    """Of the lab of this number: others may come and go meanwhile."""
    return {path.name for path in Path("/run/netns").glob(f"wgpanel-lab-{lab}-*")}


@pytest.mark.lab
def test_make_run_lets_three_nodes_join_over_tls_with_clients_and_leaves_nothing(
    tmp_path, unused_tcp_port
):
    state = tmp_path / "state"
    demo = Demo(state, unused_tcp_port)
    try:
        demo.wait_until_up()
        lab = Record(state / "lab").fleet()["instance"]
        assert namespaces(lab)
        rest = Rest(demo.url, state)
        nodes = rest.call("GET", "nodes/")["results"]
        assert [node["status"] for node in nodes] == ["online"] * 3
        tokens = rest.call("GET", "join-tokens/")["results"]
        assert {it["node"]: it["state"] for it in tokens} == {it["id"]: "joined" for it in nodes}
        assert all(it["agent_url"].startswith("https://") and it["tls_pin"] for it in nodes)
        assert len({node["group_name"] for node in nodes}) == 2
        assert all(node["active_peers"] == 2 for node in nodes)
        assert all(node["health_json"]["wireguard"]["interfaces"]["wg0"] for node in nodes)
    finally:
        status = demo.interrupt()
    assert status == 0, demo.output
    assert left_behind(state) == []
    assert namespaces(lab) == set()


def test_without_a_fleet_the_panel_runs_alone_and_says_why(tmp_path, unused_tcp_port):
    demo = Demo(
        tmp_path / "state", unused_tcp_port, FLEET="0", WGPANEL_ADMIN_PASSWORD="chosen by me 7"
    )
    try:
        demo.wait_until_up()
        told = demo.output
    finally:
        status = demo.interrupt()
    assert "without a demo fleet: FLEET=0" in told
    assert re.search(r"password +chosen by me 7", told)
    assert status == 0
    assert left_behind(tmp_path / "state") == []


def test_what_make_run_makes_in_the_tree_is_none_of_gits_business():
    ignored = (ROOT / ".gitignore").read_text().split()
    assert {"/.venv/", "/var/", "__pycache__/", "*.egg-info/"} <= set(ignored)


def test_a_setting_that_cannot_be_used_stops_make_run_in_one_line(tmp_path, unused_tcp_port):
    demo = Demo(tmp_path / "state", unused_tcp_port, FLEET="0", WGPANEL_LOG_LEVEL="loud")
    assert demo.child.wait(START_SECONDS) == 1
    assert demo.output.splitlines() == [
        "make run: WGPANEL_LOG_LEVEL is 'loud';"
        " it must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL."
    ]
