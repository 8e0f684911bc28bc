from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.process import Process


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Process]:
    process = Process(["sleep", "60"], tmp_path / "log")
    process.start()
    yield process
    if process.is_running:
        process.kill()


def state_of(process: Process) -> str:
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_stopped_program_can_be_started_again(sleeper: Process) -> None:
    sleeper.stop()
    assert not sleeper.is_running

    sleeper.start()
    assert sleeper.is_running


def test_a_killed_program_is_gone(sleeper: Process) -> None:
    sleeper.kill()

    assert not sleeper.is_running


def test_a_frozen_program_stands_still_until_it_is_thawed(sleeper: Process) -> None:
    sleeper.freeze()
    assert state_of(sleeper) == "T"

    sleeper.thaw()
    assert state_of(sleeper) != "T"


def test_freezing_twice_does_not_wait_for_ever(sleeper: Process) -> None:
    sleeper.freeze()
    sleeper.freeze()
    sleeper.thaw()
    assert state_of(sleeper) != "T"


def test_a_frozen_program_can_be_killed(sleeper: Process) -> None:
    sleeper.freeze()
    sleeper.kill()

    assert not sleeper.is_running


def test_starting_twice_is_refused(sleeper: Process) -> None:
    with pytest.raises(LabError, match="already running"):
        sleeper.start()


def test_stopping_what_does_not_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="not running"):
        Process(["sleep", "60"], tmp_path / "log").stop()


def test_output_and_settings_reach_the_program_and_its_log(tmp_path: Path) -> None:
    process = Process(["printenv", "COLOUR"], tmp_path / "log", {"COLOUR": "red"})
    process.start()
    process.reap()

    assert (tmp_path / "log").read_text() == "red\n"
