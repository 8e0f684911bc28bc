import pytest

from lab.fixtures import require


def test_a_test_that_can_run_runs() -> None:
    assert require(None) is None


def test_a_test_that_cannot_run_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception, match="no root"):
        require("no root")


def test_a_test_that_cannot_run_is_skipped_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception, match="no root"):
        require("no root")
