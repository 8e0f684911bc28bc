"""wgpanel-manage runs a command with what the units have; systemd-run is a stand-in."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "deploy" / "systemd" / "wgpanel-manage"
STAND_IN = """\
#!/bin/sh
export CREDENTIALS_DIRECTORY="$0.credentials"
mkdir "$CREDENTIALS_DIRECTORY"
while [ "$1" != -- ]; do
    case $1 in
        --property=LoadCredential=*:*)
            cp "${1#*:}" "$CREDENTIALS_DIRECTORY/$(expr "$1" : '.*LoadCredential=\\([^:]*\\):')" ;;
        --property=WorkingDirectory=*) cd "${1##*=}" ;;
        --property=User=*) echo "as ${1##*=}" ;;
        --setenv=*) export "${1#--setenv=}" ;;
    esac
    shift
done
shift
exec "$@"
"""
SHOW = "from django.conf import settings as s; print(s.METRICS_TOKEN, s.REDIS_URL, s.STATE_DIR)"


@pytest.fixture
def command(tmp_path):
    """The script on a machine whose folders are here."""
    keys, state = tmp_path / "etc/keys", tmp_path / "state"
    subprocess.run(
        [sys.executable, "-m", "wgpanel.secret_files", tmp_path / "etc"], cwd=ROOT, check=True
    )
    (keys / "metrics_token").write_text("a-token-of-the-metrics")
    (keys / "redis_url").write_text("redis://127.0.0.1:6379/0")
    (keys / "database_url").write_text(f"sqlite:///{state}/here.sqlite3")
    text = SCRIPT.read_text()
    for there, here in (
        ("/etc/wgpanel", keys.parent),
        ("/opt/wgpanel", ROOT),
        ("/var/lib/wgpanel", state),
    ):
        text = text.replace(there, str(here))
    for name, content in (("wgpanel-manage", text), ("systemd-run", STAND_IN)):
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o755)
    return tmp_path / "wgpanel-manage"


def run(command, *words):
    env = {"PATH": f"{command.parent}:{os.environ['PATH']}"}
    return subprocess.run([command, *words], env=env, capture_output=True, text=True, check=False)


def test_a_command_has_user_settings_and_secrets_of_the_units(command):
    told = run(command, "shell", "--no-imports", "-c", SHOW)
    assert told.returncode == 0, told.stderr
    state = command.parent / "state"
    assert told.stdout.splitlines() == [
        "as wgpanel", f"a-token-of-the-metrics redis://127.0.0.1:6379/0 {state}"
    ]  # fmt: skip


def test_without_a_command_it_says_how_it_is_used(command):
    told = run(command)
    assert told.returncode == 2
    assert "usage: wgpanel-manage" in told.stderr
