"""The garbage collector of a process that serves pages."""

import subprocess
import sys

from wgpanel import collector

LOOK = "import gc, wgpanel.wsgi; print(gc.get_freeze_count() > 10_000, gc.get_threshold())"


def test_whoever_serves_pages_walks_through_nothing_that_is_loaded():
    words = [sys.executable, "-W", "ignore", "-c", LOOK]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert told == f"True {collector.THRESHOLDS}\n"
