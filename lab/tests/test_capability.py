import os
import shutil
from pathlib import Path

import pytest

from lab import capability


def without_program(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    real = shutil.which
    monkeypatch.setattr(
        shutil, "which", lambda name, path=None: None if name == missing else real(name, path=path)
    )


@pytest.mark.lab
def test_nothing_speaks_against_a_lab_where_one_runs() -> None:
    assert capability.why_not() is None


def test_a_lab_needs_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert "needs root" in str(capability.why_not())


def test_a_lab_needs_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")

    assert "needs Linux" in str(capability.why_not())


@pytest.mark.lab
def test_a_missing_program_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    without_program(monkeypatch, "wg")

    assert capability.why_not() == "the lab needs wg: apt-get install wireguard-tools"


@pytest.mark.lab
def test_without_a_kernel_module_wireguard_go_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    without_program(monkeypatch, "wireguard-go")
    monkeypatch.setattr(capability, "PROBE", ("false",))
    monkeypatch.setattr(capability, "_wrong_kernel", lambda: None)

    assert "wireguard-go" in str(capability.why_not())


@pytest.mark.lab
def test_a_kernel_that_refuses_a_bridge_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capability, "PROBE", ("ls", "/no/such/permission"))

    assert "cannot make a bridge" in str(capability.why_not())


@pytest.mark.lab
def test_a_missing_tunnel_device_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capability, "_refusal", lambda kind: "no" if kind == "wireguard" else None)
    monkeypatch.setattr(Path, "exists", lambda path: path != Path("/dev/net/tun"))

    assert "/dev/net/tun" in str(capability.why_not())
