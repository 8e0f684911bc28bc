"""The systemd unit: accepted without a word, and hardened."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[1] / "wgpanel-agent.service"
DROP_IN = UNIT.with_name("wireguard-go.conf")
MOST_EXPOSURE = 3.0


@pytest.fixture(params=["alone", "with wireguard-go"])
def unit(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The unit with a program that exists here, which `verify` insists on."""
    if not shutil.which("systemd-analyze") and os.environ.get("CI") != "true":
        pytest.skip("systemd-analyze is not installed")
    text = re.sub(r"^ExecStart=\S+", f"ExecStart={sys.executable}", UNIT.read_text(), flags=re.M)
    copy = tmp_path / UNIT.name
    copy.write_text(text if request.param == "alone" else text + DROP_IN.read_text())
    return copy


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_systemd_has_nothing_to_say_about_the_unit(unit: Path) -> None:
    """Unknown keys are warnings only, so the exit code is not enough."""
    verified = analyze("verify", str(unit))
    assert (verified.returncode, verified.stderr) == (0, "")


def test_the_unit_is_hardened(unit: Path) -> None:
    judged = analyze("security", "--offline=yes", str(unit))
    exposure = re.search(r"exposure level for \S+: ([0-9.]+)", judged.stdout)
    assert exposure, judged.stderr
    assert float(exposure[1]) <= MOST_EXPOSURE


def test_tunnels_survive_a_restart_of_the_agent() -> None:
    assert "\nKillMode=process\n" in UNIT.read_text()


def test_the_unit_waits_until_the_agent_says_that_it_serves_and_lives() -> None:
    settings = dict(re.findall(r"^(\w+)=(.*)$", UNIT.read_text(), re.M))
    assert settings["Type"] == "notify"
    assert int(settings["WatchdogSec"]) >= 30
    assert settings["Restart"] == "on-failure"  # which a watchdog's end is


def test_the_only_capability_is_to_administer_the_network() -> None:
    sets = re.findall(r"^(\w*Cap\w*)=(.*)$", UNIT.read_text(), re.M)
    assert dict(sets) == {"CapabilityBoundingSet": "CAP_NET_ADMIN", "AmbientCapabilities": ""}
