"""Whatever ends a lab, the machine looks as before; and nothing but labs is ever touched."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.__main__ import main
from lab.cleanup import sweep, sweep_dead
from lab.command import batch, run
from lab.errors import LabError
from lab.fleet import Fleet
from lab.instance import Claim, Instance, try_claim
from lab.tests.machine import living, processes, traces

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60.0
HIGHEST = Instance(511)  # the last one that a real lab would take


class OwnLab:
    """`python -m lab up` with one node and one client, in a process of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        words = ["up", "--nodes=1", "--clients=1", "--without-agents", f"--directory={directory}"]
        self.process = subprocess.Popen([sys.executable, "-m", "lab", *words], cwd=ROOT)

    def wait_for(self, file: str) -> Instance:
        """Until the lab has written `file`."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (self.directory / file).exists():
            assert time.monotonic() < deadline, f"no {file}"
            time.sleep(0.01)
        return Instance(json.loads((self.directory / file).read_text())["instance"])

    def end_by(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)


@pytest.fixture
def own_lab(tmp_path: Path) -> Iterator[OwnLab]:
    lab = OwnLab(tmp_path)
    yield lab
    lab.process.kill()
    lab.process.wait()
    sweep_dead()


@pytest.fixture
def highest() -> Iterator[Claim]:
    claim = try_claim(HIGHEST.number)
    assert claim is not None
    with claim:
        yield claim
        sweep(HIGHEST)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_lab_that_is_asked_to_end_leaves_nothing(own_lab: OwnLab, number: signal.Signals) -> None:
    instance = own_lab.wait_for("fleet.json")
    pids = processes(instance)
    assert pids
    assert traces(instance)

    assert own_lab.end_by(number) == 0
    assert traces(instance) == set()
    assert living(pids) == set()


def test_a_lab_that_is_stopped_while_it_starts_leaves_nothing(own_lab: OwnLab) -> None:
    instance = own_lab.wait_for("owner.json")

    assert own_lab.end_by(signal.SIGINT) == 0
    assert traces(instance) == set()


def test_only_the_folder_of_hosts_stays_in_the_labs_directory(own_lab: OwnLab) -> None:
    own_lab.wait_for("fleet.json")
    own_lab.end_by(signal.SIGTERM)

    assert sorted(path.name for path in own_lab.directory.iterdir()) == ["c1", "n1"]


def test_what_a_killed_lab_left_is_removed_by_the_next_command(own_lab: OwnLab) -> None:
    instance = own_lab.wait_for("fleet.json")
    pids = processes(instance)
    own_lab.end_by(signal.SIGKILL)
    assert living(pids)

    assert main(["down", f"--directory={own_lab.directory}"]) == 0
    assert living(pids) == set()
    assert traces(instance) == set()


def test_a_lab_can_start_in_the_folder_of_a_killed_one(own_lab: OwnLab) -> None:
    own_lab.wait_for("fleet.json")
    own_lab.end_by(signal.SIGKILL)

    with Fleet(own_lab.directory, clients=1, agents=False) as fleet:
        fleet.wait_for_handshakes()
        assert fleet.clients[0].has_handshake


def test_down_ends_a_living_lab(own_lab: OwnLab) -> None:
    instance = own_lab.wait_for("fleet.json")

    assert main(["down", f"--directory={own_lab.directory}"]) == 0
    assert own_lab.process.wait(PATIENCE_SECONDS) == 0
    assert traces(instance) == set()


def test_a_living_lab_is_not_swept(own_lab: OwnLab) -> None:
    instance = own_lab.wait_for("fleet.json")
    before = traces(instance)

    assert instance not in sweep_dead()
    assert traces(instance) == before


def test_a_second_lab_in_the_same_folder_is_refused(own_lab: OwnLab) -> None:
    instance = own_lab.wait_for("fleet.json")
    before = traces(instance)

    with pytest.raises(LabError, match="already runs a lab"), Fleet(own_lab.directory):
        pass
    assert traces(instance) == before


def test_a_start_that_fails_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "c1").mkdir()
    (tmp_path / "c1" / "wireguard").write_text("a file where a folder has to be")
    fleet = Fleet(tmp_path, clients=1, agents=False)

    with pytest.raises(OSError, match="wireguard"), fleet:
        pass
    assert traces(fleet.nodes[0].host.instance) == set()


def test_a_link_with_our_name_but_without_our_mark_is_not_touched(highest: Claim) -> None:
    name = HIGHEST.link("x1")
    run(["ip", "link", "add", "name", name, "type", "bridge"])
    try:
        sweep(HIGHEST)
        assert name in traces(HIGHEST)
    finally:
        run(["ip", "link", "delete", "dev", name])


def test_a_namespace_that_only_looks_like_ours_is_not_touched() -> None:
    name = "wgpanel-lab-not-a-number"
    run(["ip", "netns", "add", name])
    try:
        sweep_dead()
        assert Path("/run/netns", name).exists()
    finally:
        run(["ip", "netns", "delete", name])


def test_a_half_made_lab_is_removed(highest: Claim) -> None:
    run(["ip", "netns", "add", HIGHEST.namespace("n1")])
    bridge = HIGHEST.bridge
    batch(["ip"], [f"link add name {bridge} type bridge", f"link set {bridge} alias wgpanel-lab"])
    HIGHEST.directory.mkdir()

    sweep(HIGHEST)

    assert traces(HIGHEST) == set()
