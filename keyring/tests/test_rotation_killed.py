"""kill -9 in the middle of a rotation of keys, again and again: every secret opens all the time."""

import os
import random
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NODES = 2000
MAKE = f"""
from nodes.models import Node
Node.objects.bulk_create(
    Node(name=f"n{{i}}", agent_url="http://127.0.0.1:2000", secret=f"secret of node {{i}}" * 3)
    for i in range({NODES})
)
"""
CHECK = f"""
from keyring.sealing import current_key_id, key_id_of
from nodes.models import Node
nodes = list(Node.objects.all())
assert len(nodes) == {NODES}
assert all(n.secret.reveal() == f"secret of node {{n.name[1:]}}" * 3 for n in nodes)
print(sum(key_id_of(n.secret.seal()) != current_key_id() for n in nodes), "left")
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
    manage(environment, "shell", "-c", MAKE)
    return {**environment, "WGPANEL_FIELD_KEY": make_key(), "WGPANEL_FIELD_KEY_OLD": old}


def manage(environment, *words) -> str:
    command = [sys.executable, "manage.py", *words]
    told = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    return told.stdout.decode()


def start_rotation(environment) -> subprocess.Popen:
    command = [sys.executable, "manage.py", "rotate_field_keys"]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_whenever_it_is_killed_all_secrets_open_and_the_next_run_goes_on(panel, record_property):
    seed = random.randrange(10**6)
    record_property("seed", seed)
    dice, left = random.Random(seed), NODES
    while left:
        rotation = start_rotation(panel)
        rotation.stdout.readline()  # it has begun
        try:
            rotation.wait(dice.uniform(0, 1))
        except subprocess.TimeoutExpired:
            rotation.kill()
        rotation.communicate()
        now_left = int(manage(panel, "shell", "-c", CHECK).split()[-2])
        assert now_left <= left
        left = now_left
    assert "WGPANEL_FIELD_KEY_OLD can go" in manage(panel, "rotate_field_keys")
