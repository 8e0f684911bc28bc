from pathlib import Path

import pytest

from lab.__main__ import main


def test_help_names_every_act(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])

    said = capsys.readouterr().out
    assert all(f"python -m lab {act}" in said for act in ("up", "status", "down"))


def test_the_status_of_an_empty_folder_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", f"--directory={tmp_path}"]) == 1
    assert "no lab is up" in capsys.readouterr().err


def test_an_unknown_act_is_refused() -> None:
    with pytest.raises(SystemExit):
        main(["sideways"])
