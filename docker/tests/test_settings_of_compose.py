"""The settings that compose.yml gives the panel: no complaint, neither Django's nor ours."""

import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "/run/secrets"


def settings_of_panel(secrets: Path, **variables: str) -> dict[str, str]:
    """The panel's environment as compose fills it in, with the secrets in another folder."""
    composed = yaml.safe_load((ROOT / "docker" / "compose.yml").read_text())
    return {
        name: _filled(value, variables).replace(FOLDER, str(secrets))
        for name, value in composed["x-panel"]["environment"].items()
    }


def _filled(value: str, variables: dict[str, str]) -> str:
    return re.sub(r"\$\{(\w+):-([^}]*)\}", lambda it: variables.get(it[1]) or it[2], value)


def test_the_deployment_check_is_clean_with_what_compose_sets(tmp_path):
    secrets = tmp_path / "secrets"
    subprocess.run(["docker/secrets.sh", secrets], cwd=ROOT, check=True, capture_output=True)
    environment = settings_of_panel(secrets, WGPANEL_DOMAIN="panel.example")
    assert environment["WGPANEL_ALLOWED_HOSTS"] == "panel.example,web"
    told = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "WGPANEL_STATE_DIR": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert "no issues" in told.stdout
