"""The panel's own secrets: never a default, never weak, created whole and for the owner only."""

import os
import stat
import subprocess
import sys
from base64 import b64decode, b64encode
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from wgpanel.secret_files import NAMES, create_missing, obtain, obtain_key, optional_key

NAME = "WGPANEL_SECRET_KEY"
GOOD = "x9Kq" * 4 + "0a7VbnM2" * 4


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_missing_is_created_and_found_again(tmp_path):
    assert create_missing(tmp_path) == list(NAMES)
    assert len({obtain(name, tmp_path) for name in NAMES}) == 2
    assert len(b64decode(obtain_key("WGPANEL_FIELD_KEY", tmp_path))) == 32


def test_what_is_there_is_not_created_again(tmp_path):
    create_missing(tmp_path)
    before = [obtain(name, tmp_path) for name in NAMES]
    assert create_missing(tmp_path) == []
    assert [obtain(name, tmp_path) for name in NAMES] == before


def test_only_the_owner_reads_them_whatever_the_umask(tmp_path):
    state_dir = tmp_path / "a" / "state"
    before = os.umask(0)
    try:
        create_missing(state_dir)
    finally:
        os.umask(before)
    files = sorted((state_dir / "keys").iterdir())
    assert [mode(file) for file in files] == [0o600, 0o600]
    assert (mode(state_dir), mode(state_dir / "keys")) == (0o700, 0o700)


def test_two_starts_at_once_agree_on_one_secret(tmp_path):
    words = [sys.executable, "-m", "wgpanel.secret_files", str(tmp_path)]
    starts = [subprocess.Popen(words, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    told = "".join(start.communicate()[1] for start in starts)
    assert [start.returncode for start in starts] == [0, 0, 0, 0]
    assert sorted(told.split()[1::4]) == sorted(name.lower() for name in NAMES)
    assert len(list((tmp_path / "keys").iterdir())) == 2


def test_the_environment_comes_first_then_a_named_file(tmp_path, monkeypatch):
    create_missing(tmp_path)
    (tmp_path / "named").write_text(GOOD + "\n")
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path / "named"))
    assert obtain(NAME, tmp_path) == GOOD
    monkeypatch.setenv(NAME, GOOD[::-1])
    assert obtain(NAME, tmp_path) == GOOD[::-1]


def test_a_missing_secret_names_the_file_and_the_way_out(tmp_path):
    with pytest.raises(ImproperlyConfigured, match=f"{NAME}.*No such file.*secret_files"):
        obtain(NAME, tmp_path)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("short", "at least 32 bytes"),
        ("x" * 31, "at least 32 bytes"),
        ("django-insecure-" + GOOD, "known default"),
        ("Change-Me-" + GOOD, "known default"),
        ("your-SECRET-key-" + GOOD, "known default"),
    ],
)
def test_a_weak_secret_is_refused_and_not_shown(tmp_path, monkeypatch, value, why):
    monkeypatch.setenv(NAME, value)
    with pytest.raises(ImproperlyConfigured, match=f"{NAME}.*{why}") as refused:
        obtain(NAME, tmp_path)
    assert value not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff" * 40])
def test_an_empty_or_binary_file_is_refused(tmp_path, monkeypatch, content):
    (tmp_path / "file").write_bytes(content)
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path / "file"))
    with pytest.raises(ImproperlyConfigured):
        obtain(NAME, tmp_path)


@pytest.mark.parametrize(
    "value", [GOOD, b64encode(b"x9Kq0a7V" * 3).decode() + " ", b64encode(b"x9Kq0a7V" * 5).decode()]
)
def test_a_field_key_is_exactly_32_bytes_in_base64(tmp_path, monkeypatch, value):
    monkeypatch.setenv("WGPANEL_FIELD_KEY", value)
    with pytest.raises(ImproperlyConfigured, match="32 bytes in base64"):
        obtain_key("WGPANEL_FIELD_KEY", tmp_path)


def test_a_credential_of_systemd_is_taken_before_the_state_directory(tmp_path, monkeypatch):
    create_missing(tmp_path)
    handed = tmp_path / "credentials"
    handed.mkdir()
    (handed / NAME.lower()).write_text(f"{GOOD}\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(handed))
    assert obtain(NAME, tmp_path) == GOOD
    assert obtain("WGPANEL_FIELD_KEY", tmp_path) != GOOD


def test_an_old_key_may_be_a_credential_too(tmp_path, monkeypatch):
    old = b64encode(os.urandom(32)).decode()
    (tmp_path / "wgpanel_field_key_old").write_text(old)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert optional_key("WGPANEL_FIELD_KEY_OLD", tmp_path / "none") == (old,)
