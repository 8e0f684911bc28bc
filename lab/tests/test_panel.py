"""The panel's processes as a whole: they count together and end together."""

import re

import psutil
import pytest
import requests

from lab.manage import manage
from lab.panel import Panel
from wgpanel import secret_files

pytestmark = pytest.mark.lab
END_SECONDS = 60


@pytest.fixture
def whole(tmp_path, unused_tcp_port):
    secret_files.create_missing(tmp_path)
    manage(tmp_path, "migrate")
    panel = Panel(tmp_path, unused_tcp_port, {})
    with panel:
        panel.wait_until_ready()
        yield panel


def requests_counted(panel: Panel) -> float:
    text = requests.get(f"{panel.url}/metrics", timeout=10).text
    found = re.search(r"^django_http_requests_before_middlewares_total (\S+)", text, re.M)
    return float(found[1])


def test_whichever_web_process_is_asked_counts_for_all(whole):
    told = [requests_counted(whole) for _ in range(30)]
    assert told == sorted(told)
    assert told[-1] - told[0] >= 25


def test_when_the_supervisor_is_killed_nothing_of_the_panel_goes_on(whole):
    supervisor = psutil.Process(whole.pid)
    children = supervisor.children(recursive=True)
    supervisor.kill()
    _, left = psutil.wait_procs(children, timeout=END_SECONDS)
    assert len(children) >= 5
    assert left == []
