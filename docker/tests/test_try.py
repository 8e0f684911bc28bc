"""The images and the compose file, tried with real containers."""

import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.lab

SCRIPT = Path(__file__).resolve().parents[1] / "try.sh"
CANNOT_RUN = 77  # as automake has it
MOST_SECONDS = 1500  # most of it is spent on the images
SHOWN = (
    "/install.sh brings",
    "agent3 has joined by its token and is online over TLS",
    "the doctor finds nothing wrong",
    "ping through the tunnel",
    "the tunnel is back after a restart",
    "Prometheus scrapes 2 web containers and 3 agents",
)


def left_behind() -> str:
    """Network interfaces and folders of a try."""
    links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
    folders = [str(path) for path in Path("/tmp").glob("wgpanel-try-*")]  # noqa: S108
    return "\n".join([*(line for line in links.splitlines() if "wgpanel-try" in line), *folders])


def test_nodes_join_by_token_carry_a_tunnel_made_by_rest_and_are_scraped():
    """`timeout` ends it in order, so that it can clean up."""
    words = ["timeout", "--kill-after=60", str(MOST_SECONDS), str(SCRIPT)]
    tried = subprocess.run(words, capture_output=True, text=True, check=False)
    if tried.returncode == CANNOT_RUN:
        pytest.skip(tried.stderr.strip())
    assert tried.returncode == 0, tried.stderr[-4000:]
    for shown in SHOWN:
        assert shown in tried.stderr
    assert left_behind() == ""
