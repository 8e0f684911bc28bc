import pytest

from lab.command import run
from lab.errors import CommandFailed


def test_standard_input_goes_in_and_standard_output_comes_back() -> None:
    assert run(["cat"], stdin="hello") == "hello"


def test_an_error_carries_what_the_program_said() -> None:
    with pytest.raises(CommandFailed, match="ls /nowhere: .*No such file"):
        run(["ls", "/nowhere"])


def test_a_silent_failure_names_the_exit_code() -> None:
    with pytest.raises(CommandFailed, match="exit code 1"):
        run(["false"])


def test_a_missing_program_is_a_failed_command() -> None:
    with pytest.raises(CommandFailed, match="No such file"):
        run(["wgpanel-lab-no-such-program"])


def test_a_program_that_does_not_end_is_a_failed_command() -> None:
    with pytest.raises(CommandFailed, match="no end after"):
        run(["sleep", "60"], timeout_seconds=0.05)


def test_words_are_never_read_by_a_shell() -> None:
    assert run(["echo", "$HOME; `id`"]) == "$HOME; `id`\n"
