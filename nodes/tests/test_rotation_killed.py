"""kill -9 of panel and agent at each step of a rotation: real processes, one key in common."""

import os
import signal
import socket
import subprocess
import sys
import time
from base64 import b64encode
from pathlib import Path
from uuid import uuid4

import pytest
from wgpanel_agent.keys.key_ring import FILE

ROOT = Path(__file__).resolve().parents[2]
SECRET = "kX2v7Qm4Zt9Lw1Rb6Ny3Hc8Jd5Gf0Ps-killed"
DIE = """
import os, signal
from nodes import rotation
from nodes.models import Node
Node.objects.create(id="{node}", name="{node}", agent_url="{url}", secret="{secret}")
post = rotation._post
def dies(node, step, *body, **parts):
    if step != "{step}":
        return post(node, step, *body, **parts)
    if "{moment}" == "after":
        post(node, step, *body, **parts)
    for pid in ({agent}, os.getpid()):
        os.kill(pid, signal.SIGKILL)
rotation._post = dies
rotation.start(Node.objects.filter(pk="{node}"), None, urgent=True)
rotation.go_on("{node}")
"""
GO_ON = """
from django.utils import timezone
from nodes import rotation
from nodes.calling import client
from nodes.polls import polling
from nodes.models import Node
node = Node.objects.get(pk="{node}")
client.test_connection(node)
assert polling.poll([node.pk]).reported == 1
Node.objects.filter(pk=node.pk).update(rotation_due_at=timezone.now())
rotation.go_on(node.pk)
node = Node.objects.get(pk=node.pk)
assert (node.rotation_step, node.secret_seq, node.rotation_problem) == ("", 2, ""), vars(node)
assert polling.poll([node.pk]).reported == 1
print("rotated")
"""


@pytest.fixture(scope="module")
def panel(tmp_path_factory):
    """The environment of a panel with a database of its own."""
    folder = tmp_path_factory.mktemp("panel")
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "wgpanel.settings",
        "DATABASE_URL": f"sqlite:///{folder / 'panel.sqlite3'}",
        "WGPANEL_STATE_DIR": str(folder),
        "WGPANEL_FIELD_KEY": b64encode(os.urandom(32)).decode(),
    }
    subprocess.run(
        [sys.executable, "manage.py", "migrate"],
        cwd=ROOT, env=environment, check=True, capture_output=True,
    )  # fmt: skip
    return environment


def run(environment, script: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "manage.py", "shell", "-c", script]
    return subprocess.run(
        words, cwd=ROOT, env=environment, check=False, capture_output=True, text=True
    )


class RealAgent:
    """`wgpanel-agent run` on a loopback port; manages nothing."""

    def __init__(self, folder: Path) -> None:
        self.node, self.state = str(uuid4()), folder / "state"
        with socket.create_server(("127.0.0.1", 0)) as sock:
            self.address = sock.getsockname()
        secret = folder / "secret"
        secret.touch(mode=0o600)
        secret.write_text(SECRET)
        self._environment = {
            "PATH": os.environ["PATH"],
            "WGPANEL_AGENT_NODE_ID": self.node,
            "WGPANEL_AGENT_SECRET_FILE": str(secret),
            "WGPANEL_AGENT_LISTEN": "{}:{}".format(*self.address),
            "WGPANEL_AGENT_STATE_DIR": str(self.state),
        }

    def start(self) -> None:
        words = [sys.executable, "-m", "wgpanel_agent", "run"]
        self.process = subprocess.Popen(
            words, env=self._environment, stderr=subprocess.DEVNULL, cwd=ROOT / "agent"
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                socket.create_connection(self.address).close()
            except ConnectionRefusedError:
                time.sleep(0.1)
            else:
                return
        raise TimeoutError("the agent does not listen")


@pytest.fixture
def agent(tmp_path):
    made = RealAgent(tmp_path)
    made.start()
    yield made
    made.process.kill()
    made.process.wait()


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", ["stage", "prove", "retire"])
def test_both_killed_at_a_step_have_one_key_and_go_on(panel, agent, step, moment):
    facts = {
        "node": agent.node, "url": "http://{}:{}".format(*agent.address), "secret": SECRET,
        "step": step, "moment": moment, "agent": agent.process.pid,
    }  # fmt: skip
    killed = run(panel, DIE.format(**facts))
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert agent.process.wait(10) == -signal.SIGKILL
    agent.start()
    went_on = run(panel, GO_ON.format(**facts))
    assert "rotated" in went_on.stdout, went_on.stderr
    assert SECRET not in (agent.state / FILE).read_text()
