"""A bare server gets the agent from the panel: a script that checks what it installs."""

import os
import re
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from nodes.enrolment.wheel import agent_wheel


@pytest.fixture
def script(client) -> str:
    return client.get("/install.sh").content.decode()


def test_the_script_is_clean_in_the_eyes_of_shellcheck(script):
    shellcheck = Path(sys.executable).with_name("shellcheck")  # of requirements-dev.txt
    done = subprocess.run(
        [shellcheck, "-s", "sh", "-"], input=script, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_half_a_script_does_nothing(script):
    for part in (2, 3, 10):
        half = script[: len(script) * (part - 1) // part]
        done = subprocess.run(["sh", "-c", half], capture_output=True, text=True, check=False)
        assert "wgpanel:" not in done.stderr


def test_the_script_names_the_wheel_and_its_checksum(script, client):
    made = agent_wheel()
    assert made.name in script
    assert made.sha256 in script
    assert client.get(f"/agent/{made.name}").content == made.content


def test_the_script_carries_the_unit_as_it_is(script):
    unit = re.search(r"<<'END_OF_UNIT'\n(.*)END_OF_UNIT", script, re.DOTALL)
    assert unit
    assert "ExecStart=/opt/wgpanel-agent/bin/wgpanel-agent run\n" in unit[1]


@pytest.mark.parametrize(
    "name", ["", "x.whl", "..%2fmanage.py", "wgpanel_agent-0.0-py3-none-any.whl"]
)
def test_nothing_else_is_served(client, name):
    assert client.get(f"/agent/{name}").status_code == 404
    assert client.post("/install.sh").status_code == 405


def test_pip_installs_the_wheel_and_the_agent_runs_from_it(tmp_path):
    made = agent_wheel()
    (tmp_path / made.name).write_bytes(made.content)
    words = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    target = tmp_path / "target"
    subprocess.run([*words, "--target", target, tmp_path / made.name], check=True)
    program = "import wgpanel_agent; print(wgpanel_agent.__file__)"
    told = subprocess.run(
        [sys.executable, "-S", "-c", program],
        env={"PYTHONPATH": str(target)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert str(target) in told.stdout
    assert (target / "bin" / "wgpanel-agent").exists()


def test_the_wheel_holds_the_agent_and_nothing_of_the_panel():
    names = zipfile.ZipFile(BytesIO(agent_wheel().content)).namelist()
    assert "wgpanel_agent/joining/enrolment.py" in names
    assert all(name.startswith("wgpanel_agent") for name in names)
    assert agent_wheel.__wrapped__() == agent_wheel()


@pytest.mark.parametrize(
    ("carried", "words"), [(None, "put wgpanel_agent-"), (b"altered", "was altered on its way")]
)
def test_where_the_panel_calls_the_wheel_lies_beside_the_script(script, tmp_path, carried, words):
    if carried is not None:
        (tmp_path / agent_wheel().name).write_bytes(carried)
    (tmp_path / "install.sh").write_text(script)
    done = subprocess.run(
        ["sh", "install.sh", "--wait", "1", "--token", "x"],
        cwd=tmp_path, env={**os.environ, "WGPANEL_PREFIX": str(tmp_path / "root")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, words in done.stderr) == (1, True), done.stderr
    assert not (tmp_path / "root" / "opt").exists()
