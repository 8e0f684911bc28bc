"""`manage.py` of the panel whose state lies in a given folder, as an operator calls it."""

import os
import subprocess
import sys
from pathlib import Path

from lab.errors import LabError
from lab.panel import ROOT


def manage(state_dir: Path, *words: str) -> str:
    """Return what it printed; raises LabError with its complaint when it fails."""
    done = subprocess.run(
        [sys.executable, "manage.py", *words],
        check=False,
        cwd=ROOT,
        env={**os.environ, "WGPANEL_STATE_DIR": str(state_dir)},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        told = f"{done.stdout}{done.stderr}".strip()
        raise LabError(f"manage.py {words[0]}: {told[-1000:]}")
    return done.stdout
