"""secrets.sh makes what compose.yml asks for, once, and closed to others."""

import subprocess
from base64 import b64decode
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

HERE = Path(__file__).resolve().parents[1]
# Made with the panel's own command once it runs, as README.md says.
LATER = {"targets_token"}


@pytest.fixture
def folder(tmp_path):
    make(tmp_path / "secrets")
    return tmp_path / "secrets"


def make(folder: Path) -> str:
    words = [str(HERE / "secrets.sh"), str(folder)]
    return subprocess.run(words, check=True, capture_output=True, text=True).stderr


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_every_secret_of_the_compose_file_is_made(folder):
    named = yaml.safe_load((HERE / "compose.yml").read_text())["secrets"]
    files = {Path(secret["file"]).name for secret in named.values()}
    assert files - LATER <= set(contents(folder))


def test_only_the_owner_may_read_them(folder):
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert set(modes.values()) == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_second_run_changes_nothing(folder):
    before = contents(folder)
    assert make(folder) == ""
    assert contents(folder) == before


def test_what_is_missing_is_made_again_from_the_same_password(folder):
    (folder / "redis_url").unlink()
    make(folder)
    kept = contents(folder)
    assert urlsplit(kept["redis_url"].strip()).password == kept["valkey_password"]


def test_two_panels_share_no_secret(folder, tmp_path):
    make(tmp_path / "other" / "secrets")
    mine, others = contents(folder), contents(tmp_path / "other" / "secrets")
    assert [name for name in mine if mine[name] == others[name]] == []


def test_the_keys_are_what_the_panel_takes(folder):
    kept = contents(folder)
    assert len(b64decode(kept["wgpanel_field_key"], validate=True)) == 32
    assert len(kept["wgpanel_secret_key"]) >= 32
    assert len(kept["metrics_token"]) >= 16


def test_the_addresses_carry_the_passwords_of_their_services(folder):
    kept = contents(folder)
    database = urlsplit(kept["database_url"].strip())
    assert (database.hostname, database.password) == ("postgres", kept["postgres_password"])
    assert kept["valkey_conf"] == f"requirepass {kept['valkey_password']}\n"


def test_compose_is_told_as_whom_the_panel_can_read_them(folder):
    told = (folder.parent / ".env").read_text()
    assert f"WGPANEL_UID={(folder / 'redis_url').stat().st_uid}\n" in told


def test_no_secret_is_printed(tmp_path):
    said = make(tmp_path / "secrets")
    assert "created" in said
    assert not any(value.strip() in said for value in contents(tmp_path / "secrets").values())


def test_a_token_that_was_made_by_the_panel_is_closed_as_well(folder):
    token = folder / "targets_token"
    token.write_text("wgp_token")
    token.chmod(0o644)
    make(folder)
    assert token.stat().st_mode & 0o777 == 0o600
    assert token.stat().st_uid == (folder / "redis_url").stat().st_uid
