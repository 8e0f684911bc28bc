"""kill -9 in the middle of a rotation of keys, again and again: every secret opens all the time."""

import os
import random
import signal
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest

from keyring.rotation import secret_columns

ROOT = Path(__file__).resolve().parents[2]
ROWS = 400  # of each kind that has secrets
MAKE = f"""
from django.utils import timezone
from keyring.rotation import secret_columns
from nodes.models import JoinToken, Node
from peers.models import Peer
from peers.tests.builders import make_interface
def save(model, rows):
    for row in rows:
        for column in (it for it in secret_columns() if it.model is model):
            setattr(row, column.attname, f"{{column}} of {{row.pk}}")
    model.objects.bulk_create(rows)
nodes = [Node(name=f"n{{i}}", agent_url="http://127.0.0.1:2000") for i in range({ROWS})]
save(Node, nodes)
tokens = [JoinToken(lookup=f"t{{i}}", expires_at=timezone.now()) for i in range({ROWS})]
save(JoinToken, tokens)
interface = make_interface(node=nodes[0])
peers = [Peer(name=f"p{{i}}", interface=interface, public_key=f"{{i}}") for i in range({ROWS})]
save(Peer, peers)
print(len(secret_columns()) * {ROWS}, "made")
"""
CHECK = f"""
from keyring.rotation import secret_columns
from keyring.sealing import current_key_id, key_id_of
left = 0
for column in secret_columns():
    rows = dict(column.model.objects.values_list("pk", column.attname))
    assert len(rows) == {ROWS}, column
    assert all(column.opened(pk, it) == f"{{column}} of {{pk}}" for pk, it in rows.items())
    left += sum(key_id_of(it) != current_key_id() for it in rows.values())
print(left, "left")
"""
STEPS = ("before sealing", "before writing", "after writing")
DIE = """
import os, signal
from django.core.management import call_command
from keyring import rotation
calls, seal, reseal = [], rotation.seal, rotation._reseal
def die_at(step):
    if step == {step!r} and len(calls) == {nth}:
        os.kill(os.getpid(), signal.SIGKILL)
def sealing(*arguments):
    calls.append(arguments)
    die_at("before sealing")
    sealed = seal(*arguments)
    die_at("before writing")
    return sealed
def resealing(*arguments):
    reseal(*arguments)
    die_at("after writing")
rotation.seal, rotation._reseal = sealing, resealing
call_command("rotate_field_keys")
"""


def make_key() -> str:
    return b64encode(os.urandom(32)).decode()


@pytest.fixture
def panel(tmp_path):
    """An environment with a database of its own, in which the key was just replaced."""
    old = make_key()
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "wgpanel.settings",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'panel.sqlite3'}",
        "WGPANEL_STATE_DIR": str(tmp_path),
        "WGPANEL_FIELD_KEY": old,
    }
    manage(environment, "migrate")
    assert counted(manage(environment, "shell", "-c", MAKE)) == ROWS * len(secret_columns())
    return {**environment, "WGPANEL_FIELD_KEY": make_key(), "WGPANEL_FIELD_KEY_OLD": old}


def manage(environment, *words) -> str:
    command = [sys.executable, "manage.py", *words]
    told = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    return told.stdout.decode()


def killed_at(environment, step: str, nth: int) -> int:
    """Rotate until the process kills itself at this step of the nth secret; return how it ended."""
    command = [sys.executable, "manage.py", "shell", "-c", DIE.format(step=step, nth=nth)]
    ended = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True)
    return ended.returncode


def counted(told: str) -> int:
    return int(told.split()[-2])


def start_rotation(environment) -> subprocess.Popen:
    command = [sys.executable, "manage.py", "rotate_field_keys"]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_whenever_it_is_killed_all_secrets_open_and_the_next_run_goes_on(panel, record_property):
    seed = random.randrange(10**6)
    record_property("seed", seed)
    dice, left = random.Random(seed), ROWS * len(secret_columns())
    while left:
        rotation = start_rotation(panel)
        rotation.stdout.readline()  # it has begun
        try:
            rotation.wait(dice.uniform(0, 1))
        except subprocess.TimeoutExpired:
            rotation.kill()
        rotation.communicate()
        now_left = counted(manage(panel, "shell", "-c", CHECK))
        assert now_left <= left
        left = now_left
    assert "WGPANEL_FIELD_KEY_OLD can go" in manage(panel, "rotate_field_keys")


def test_killed_at_each_step_of_a_secret_it_is_the_old_or_the_new_one_and_never_neither(panel):
    left = ROWS * len(secret_columns())
    for step in STEPS:
        assert killed_at(panel, step, ROWS) == -signal.SIGKILL
        left -= ROWS if step == "after writing" else ROWS - 1
        assert counted(manage(panel, "shell", "-c", CHECK)) == left
    assert killed_at(panel, "after writing", left) == -signal.SIGKILL
    assert counted(manage(panel, "shell", "-c", CHECK)) == 0
    assert "0 sealed anew, 0 locked" in manage(panel, "rotate_field_keys")
