"""The panel's units of systemd: accepted without a word, hardened, and consistent."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from wgpanel import roles

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "systemd"
SERVICES = sorted(path.name for path in FOLDER.glob("*.service"))
UNITS = sorted(
    path.name for path in FOLDER.iterdir() if path.suffix in (".service", ".socket", ".target")
)
MOST_EXPOSURE = 3.0
OF_EACH = ("MemoryMax", "TasksMax", "LimitNOFILE")  # differ from role to role, with reason


@pytest.fixture
def installed(tmp_path):
    """The units where systemd would find them, with a program that exists here."""
    if not shutil.which("systemd-analyze") and os.environ.get("CI") != "true":
        pytest.skip("systemd-analyze is not installed")
    for unit in UNITS:
        text = (FOLDER / unit).read_text()
        text = re.sub(r"^ExecStart=\S+", f"ExecStart={sys.executable}", text, flags=re.M)
        for name in _instances(unit):
            (tmp_path / name).write_text(text)
    return tmp_path


def _instances(unit):
    """A template cannot be judged, only what is made of it."""
    if "@" not in unit:
        return [unit]
    return [unit, *(unit.replace("@", f"@{queue}") for queue in ("poll", "sync", "maint"))]


def analyze(folder, *words):
    env = {**os.environ, "SYSTEMD_UNIT_PATH": f"{folder}:"}
    command = ["systemd-analyze", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env)


def settings_of(unit):
    """All lines of a unit, as pairs, in order."""
    return re.findall(r"^(\w+)=(.*)$", (FOLDER / unit).read_text(), re.M)


def test_systemd_has_nothing_to_say_about_any_unit(installed):
    """Unknown keys are warnings only, so the exit code is not enough."""
    names = [name for unit in UNITS for name in _instances(unit) if "@." not in name]
    for name in names:
        verified = analyze(installed, "verify", installed / name)
        assert (verified.returncode, verified.stderr) == (0, ""), name


@pytest.mark.parametrize("unit", SERVICES)
def test_a_unit_is_hardened(installed, unit):
    name = _instances(unit)[-1]
    judged = analyze(installed, "security", "--offline=true", installed / name)
    exposure = re.search(r"exposure level for \S+: ([0-9.]+)", judged.stdout)
    assert exposure, judged.stderr
    assert float(exposure[1]) <= MOST_EXPOSURE


def test_all_services_are_shut_in_and_get_their_secrets_in_the_same_way():
    def common(unit):
        settings = settings_of(unit)
        start = next(i for i, (name, _) in enumerate(settings) if name == "LoadCredential")
        end = next(i for i, (name, _) in enumerate(settings) if name == "LimitCORE")
        return [it for it in settings[start : end + 1] if it[0] not in OF_EACH]

    assert len(SERVICES) == 4
    assert all(common(unit) == common(SERVICES[0]) for unit in SERVICES)
    assert len(common(SERVICES[0])) > 30


def test_no_unit_holds_a_secret_and_every_credential_has_its_variable():
    for unit in SERVICES:
        given = {value.partition(":")[0] for name, value in settings_of(unit)
                 if name == "LoadCredential"}  # fmt: skip
        read = re.findall(r"^Environment=\w+_FILE=%d/(\w+)$", (FOLDER / unit).read_text(), re.M)
        assert set(read) == given
        assert "PASSWORD" not in (FOLDER / unit).read_text().upper()


def test_each_service_runs_a_role_that_there_is_and_says_when_it_is_ready():
    for unit in SERVICES:
        settings = dict(settings_of(unit))
        role = settings["ExecStart"].split()[-1].replace("%i", "poll")
        assert role in roles.NAMES
        assert settings["Type"] == ("oneshot" if role == "migrate" else "notify")


def test_the_target_wants_every_part_and_each_part_goes_with_it():
    wanted = " ".join(value for name, value in settings_of("wgpanel.target") if name == "Wants")
    parts = {re.sub(r"@\w+\.", "@.", name) for name in wanted.split()}
    assert parts == set(UNITS) - {"wgpanel.target", "wgpanel-migrate.service"}
    for part in parts:
        assert ("PartOf", "wgpanel.target") in settings_of(part)
