"""The images and the compose file, tried with real containers."""

import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.lab

SCRIPT = Path(__file__).resolve().parents[1] / "try.sh"
CANNOT_RUN = 77  # as automake has it
MOST_SECONDS = 900


def left_behind() -> str:
    """Network interfaces and folders of a try."""
    links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
    folders = [str(path) for path in Path("/tmp").glob("wgpanel-try-*")]  # noqa: S108
    return "\n".join([*(line for line in links.splitlines() if "wgpanel-try" in line), *folders])


def test_the_stack_comes_up_and_a_ping_goes_through_a_tunnel_made_by_rest():
    """`timeout` ends it in order, so that it can clean up."""
    words = ["timeout", "--kill-after=60", str(MOST_SECONDS), str(SCRIPT)]
    tried = subprocess.run(words, capture_output=True, text=True, check=False)
    if tried.returncode == CANNOT_RUN:
        pytest.skip(tried.stderr.strip())
    assert tried.returncode == 0, tried.stderr[-4000:]
    assert "ping through the tunnel" in tried.stderr
    assert left_behind() == ""
