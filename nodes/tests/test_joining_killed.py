"""kill -9 of the panel, or of the node that is called, at each step of a joining.

What is left is one key that both hold, and one node; never half of one.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from base64 import b64encode
from pathlib import Path

import pytest

from nodes.tests.test_calling import Waiting

ROOT = Path(__file__).resolve().parents[2]
JOINING, ROWS, CALLING = (f"nodes.enrolment.{name}" for name in ("joining", "rows", "calling"))
# where the panel is killed: what happens, in this order
JUDGED = [
    (JOINING, "_check_proof", "before"),
    (JOINING, "_check_hello", "after"),
    (JOINING, "_claim", "after"),
    (ROWS, "save", "before"),
    (ROWS, "save", "after"),  # not committed
    (JOINING, "_admit", "after"),  # not committed
    (JOINING, "_told", "after"),  # committed, and nobody was told
]
CALLED = [
    (CALLING, "_say", "before"),
    (CALLING, "_say", "after"),  # the node has said hello
    *JUDGED,
    (CALLING, "_say", "before", 2),
    (CALLING, "_say", "after", 2),  # the node has its secret, and the panel has not noted it
]
FILES, ATTEMPT = "joining_files", "enrolment.Attempt"
NODE = [
    (FILES, "replace_file", "before", 1),  # the draft
    (FILES, "replace_file", "after", 1),
    ("waiting.Visits", "_hello", "after", 1),
    (ATTEMPT, "accept", "before", 1),
    (FILES, "replace_file", "after", 2),  # the key
    (FILES, "replace_file", "after", 3),  # the certificate
    (FILES, "replace_file", "after", 4),  # the secret
    (FILES, "replace_file", "after", 5),  # the settings
    (ATTEMPT, "accept", "after", 1),  # all is written, and the panel does not know
]


def name_of(step: tuple) -> str:
    return "-".join(map(str, step)).removeprefix("nodes.enrolment.")


class DyingPanel:
    """See `dying_panel`; keys and database of its own."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as sock:
            self.port = str(sock.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "wgpanel.settings",
            "DATABASE_URL": f"sqlite:///{folder / 'panel.sqlite3'}",
            "WGPANEL_STATE_DIR": str(folder),
            "WGPANEL_FIELD_KEY": b64encode(os.urandom(32)).decode(),
            "WGPANEL_NODE_NETWORKS": "127.0.0.0/8",
            "PYTHONPATH": str(ROOT),
        }
        subprocess.run(
            [sys.executable, "manage.py", "migrate"],
            cwd=ROOT, env=environment, check=True, capture_output=True,
        )  # fmt: skip
        self._process = subprocess.Popen(
            [sys.executable, "nodes/tests/dying_panel.py", self.port],
            cwd=ROOT, env=environment, text=True, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def do(self, act: str, step: tuple | None = None, **words):
        self.begin(act, step, **words)
        return self.heard()

    def begin(self, act: str, step: tuple | None = None, **words) -> None:
        self._process.stdin.write(json.dumps({"act": act, "step": step, "words": words}) + "\n")
        self._process.stdin.flush()

    def heard(self):
        return json.loads(self._process.stdout.readline())

    def end(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()


@pytest.fixture(scope="module")
def one_panel(tmp_path_factory):
    panel = DyingPanel(tmp_path_factory.mktemp("panel"))
    yield panel
    panel.end()


@pytest.fixture
def panel(one_panel):
    one_panel.do("forget")
    return one_panel


@pytest.fixture
def server(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as sock:
        machine = Waiting(tmp_path, f"https://127.0.0.1:{sock.getsockname()[1]}")
    yield machine
    if hasattr(machine, "process"):
        machine.process.kill()
        machine.process.communicate()


def assert_held_by_both(panel, server, pk: str) -> None:
    """One node, one secret, one pin, no alarm."""
    theirs = panel.do("look", pk=pk)
    assert (theirs["step"], theirs["has_alarm"], theirs["count"]) == ("joined", False, 1)
    settings = server.settings
    assert (theirs["node"], theirs["seq"]) == (settings["node_id"], settings["secret_seq"])
    assert (theirs["secret"], theirs["pin"]) == (server.secret, server.pin)


@pytest.mark.parametrize("step", JUDGED, ids=name_of)
def test_a_panel_killed_while_a_node_comes_lets_it_in_when_it_is_back(panel, server, step):
    made = panel.do("make_token", name="fra1")
    panel.begin("serve", step, port=panel.port)
    server.panel = panel.url
    ended = []
    node = threading.Thread(target=lambda: ended.append(server.enrol(made["token"])))
    node.start()
    assert panel.heard() == -signal.SIGKILL
    assert panel.do("look", pk=made["pk"])["count"] == (step[1] == "_told")
    serving = panel.do("serve", port=panel.port)
    node.join()
    os.kill(serving, signal.SIGKILL)
    (done,) = ended
    assert (done.returncode, done.stderr) == (0, "")
    assert_held_by_both(panel, server, made["pk"])


@pytest.mark.parametrize("step", CALLED, ids=name_of)
def test_a_panel_killed_while_it_calls_a_node_goes_on_when_it_is_back(panel, server, step):
    made = panel.do("make_token", name="fra1", dial_url=server.panel)
    server.start(made["token"])
    server.wait_until_it_waits()
    assert panel.do("call", step, pk=made["pk"]) == -signal.SIGKILL
    again = panel.do("call", pk=made["pk"])["problem"]
    assert again == "" or (step[-1] == 2 and "nothing listens" in again)
    assert server.end()[0] == 0
    assert_held_by_both(panel, server, made["pk"])


@pytest.mark.parametrize("step", NODE, ids=name_of)
def test_a_node_killed_while_it_is_called_joins_by_the_same_line(panel, server, step):
    made = panel.do("make_token", name="fra1", dial_url=server.panel)
    server.start(made["token"], step=step)
    if step not in NODE[:2]:  # it dies before it listens
        server.wait_until_it_waits()
        assert panel.do("call", pk=made["pk"])["problem"]
    assert server.process.wait(60) == -signal.SIGKILL
    server.start(made["token"])
    if step[:3] == (ATTEMPT, "accept", "after"):
        code, said = server.end()
        assert (code, "has joined a panel before" in said) == (1, True)
    else:
        server.wait_until_it_waits()
        assert panel.do("call", pk=made["pk"])["problem"] == ""
        assert server.end()[0] == 0
    assert_held_by_both(panel, server, made["pk"])
