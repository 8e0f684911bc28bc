"""docs/configuration.md says what the examples of the settings say."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_configuration_reference_is_up_to_date():
    made = subprocess.run(
        [sys.executable, "dev/reference.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert (ROOT / "docs/configuration.md").read_text() == made.stdout, "run `make docs`"
    for name in ("`WGPANEL_HTTPS`", "`WGPANEL_AGENT_LISTEN`"):
        assert name in made.stdout
