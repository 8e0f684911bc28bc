"""What is remembered of an interface besides the journal."""

from pathlib import Path

import pytest
from wgpanel_agent.files.marks import MarkFiles, Marks


def test_marks_survive_a_restart(tmp_path: Path) -> None:
    marks = MarkFiles(tmp_path)
    marks.own("wg0", ("10.8.0.1/24", "fd00::1/64"))
    marks.stop("wg0", is_stopped=True)
    assert MarkFiles(tmp_path).of("wg0") == Marks(("10.8.0.1/24", "fd00::1/64"), is_stopped=True)
    assert MarkFiles(tmp_path).of("wg1") == Marks()


def test_what_is_forgotten_is_gone(tmp_path: Path) -> None:
    marks = MarkFiles(tmp_path)
    marks.stop("wg0", is_stopped=True)
    marks.forget("wg0")
    assert marks.of("wg0") == MarkFiles(tmp_path).of("wg0") == Marks()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"addresses": 1}', '{"addresses": ["x"]}', "ü"])
def test_a_damaged_file_remembers_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "wg0.json").write_text(text)
    assert MarkFiles(tmp_path).of("wg0") == Marks()


def test_nobody_else_can_read_them(tmp_path: Path) -> None:
    MarkFiles(tmp_path / "links").own("wg0", ("10.8.0.1/24",))
    assert (tmp_path / "links").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "links" / "wg0.json").stat().st_mode & 0o777 == 0o600
