"""The real `wgpanel-agent enrol` joins the real panel, and survives kill -9 at each step."""

import os
import signal
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from wgpanel_agent.joining.certificate import pin_of_file

from nodes.enrolment.join_token import Step
from nodes.models import Node
from nodes.tests.joining import make_token

pytestmark = pytest.mark.django_db(transaction=True)
# Kill the process before or after the nth call of one function of one module.
KILLED = """
import os, signal, sys
from wgpanel_agent.joining import enrolment, joining_files, panel_connection, waiting
holder, name, before = eval(sys.argv[1]), sys.argv[2], sys.argv[3] == "before"
count = [int(sys.argv[4])]
true = getattr(holder, name)
def killing(*args, **kwargs):
    count[0] -= 1
    if before and not count[0]: os.kill(os.getpid(), signal.SIGKILL)
    told = true(*args, **kwargs)
    if not count[0]: os.kill(os.getpid(), signal.SIGKILL)
    return told
setattr(holder, name, killing)
sys.argv = ["wgpanel-agent", *sys.argv[5:]]
from wgpanel_agent.__main__ import main
sys.exit(main())
"""
FILES, PANEL = "joining_files", "panel_connection.PanelAddress"
STEPS = [
    (FILES, "replace_file", "before", 1),  # the draft
    (FILES, "replace_file", "after", 1),
    (PANEL, "post", "before", 1),
    (PANEL, "post", "after", 1),  # the panel has answered, nobody has read it
    (FILES, "replace_file", "after", 2),  # the key
    (FILES, "replace_file", "after", 3),  # the certificate
    (FILES, "replace_file", "after", 4),  # the secret
    (FILES, "replace_file", "after", 5),  # the settings
]


@dataclass
class Machine:
    """A server on which the line is pasted."""

    folder: Path
    panel: str

    @property
    def config(self) -> Path:
        return self.folder / "etc" / "agent.toml"

    def words(self, token: str, *more: str) -> list[str]:
        state = ["--state-dir", str(self.folder / "state")]
        return ["enrol", self.panel, "--token", token, *state, *more]

    def enrol(self, token: str, *more: str) -> subprocess.CompletedProcess[str]:
        return self.run("-m", "wgpanel_agent", *self.words(token, *more))

    def killed(self, token: str, step: tuple, *more: str) -> subprocess.CompletedProcess[str]:
        return self.run("-c", KILLED, *map(str, step), *self.words(token, *more))

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "WGPANEL_AGENT_CONFIG": str(self.config)}
        return subprocess.run(
            [sys.executable, *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def settings(self) -> dict:
        return tomllib.loads(self.config.read_text())

    @property
    def secret(self) -> str:
        return Path(self.settings["secret_file"]).read_text().strip()

    @property
    def pin(self) -> str:
        certificate = self.folder / "state" / "tls" / "agent.crt"
        return pin_of_file(certificate)


@pytest.fixture
def machine(tmp_path, live_server) -> Machine:
    return Machine(tmp_path, live_server.url)


def is_held_by_both(machine: Machine) -> bool:
    node = Node.objects.get()
    mine = (machine.settings["node_id"], machine.settings["secret_seq"], machine.secret)
    theirs = (str(node.pk), node.secret_seq, node.secret.reveal())
    return mine == theirs and machine.pin == node.tls_pin


def test_one_line_and_both_sides_hold_one_secret_and_one_pin(machine):
    row, token = make_token(name="fra1")
    done = machine.enrol(token)
    assert (done.returncode, done.stderr) == (0, "")
    assert "joined as fra1" in done.stdout
    assert is_held_by_both(machine)
    assert machine.settings["interfaces"] == []  # one that is named and missing would be a fault
    row.refresh_from_db()
    assert row.step == Step.JOINED


def test_the_settings_are_closed_and_nothing_of_the_joining_is_left(machine):
    _, token = make_token()
    machine.enrol(token)
    files = [path for path in machine.folder.rglob("*") if path.is_file()]
    open_to_others = {path.name for path in files if path.stat().st_mode & 0o077}
    assert open_to_others <= {"agent.crt"}
    assert not (machine.folder / "state" / "joining").exists()
    assert not [path for path in files if token.partition(".")[2] in path.read_text()]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: "-".join(map(str, step[1:])))
def test_kill_9_at_each_step_leaves_one_key_that_both_hold_or_a_clean_second_try(machine, step):
    row, token = make_token()
    assert machine.killed(token, step).returncode == -signal.SIGKILL
    done = machine.enrol(token)
    assert (done.returncode, done.stderr) == (0, "")
    assert is_held_by_both(machine)
    row.refresh_from_db()
    assert (row.step, row.has_alarm) == (Step.JOINED, False)


@pytest.mark.parametrize(
    "more", [["--url", "https://127.0.0.1:9"], ["--listen", "127.0.0.1:9"], ["--no-tls"]], ids=str
)
def test_what_an_interrupted_attempt_said_is_not_said_otherwise(machine, more):
    _, token = make_token()
    machine.killed(token, (PANEL, "post", "before", 1))
    done = machine.enrol(token, *more)
    assert (done.returncode, "other options" in done.stderr) == (1, True)
    assert machine.enrol(token).returncode == 0
    assert is_held_by_both(machine)


def test_a_node_that_has_joined_refuses_to_join_again_by_accident(machine):
    _, token = make_token()
    machine.enrol(token)
    _, other = make_token()
    done = machine.enrol(other)
    assert done.returncode == 1
    assert "--again" in done.stderr
    assert is_held_by_both(machine)


def test_a_node_that_was_rebuilt_joins_again_as_itself(machine, tmp_path):
    _, token = make_token()
    machine.enrol(token)
    first = machine.secret, machine.pin
    _, again = make_token(node=Node.objects.get())
    done = machine.enrol(again, "--again")
    assert done.returncode == 0, done.stderr
    assert is_held_by_both(machine)
    assert first[0] != machine.secret
    assert first[1] != machine.pin


def test_a_token_used_on_a_second_server_is_refused_and_nothing_is_written_there(machine, tmp_path):
    row, token = make_token()
    machine.enrol(token)
    other = Machine(tmp_path / "other", machine.panel)
    done = other.enrol(token)
    assert (done.returncode, other.config.exists()) == (1, False)
    assert "used before" in done.stderr
    row.refresh_from_db()
    assert row.has_alarm


def test_what_cannot_be_a_token_is_never_sent(machine):
    done = machine.enrol("nonsense")
    assert done.returncode == 1
    assert "not a join token" in done.stderr


def test_a_panel_without_tls_far_away_is_not_called(machine):
    _, token = make_token()
    machine.panel = "http://192.0.2.1"
    done = machine.enrol(token)
    assert done.returncode == 1
    assert "https://" in done.stderr
