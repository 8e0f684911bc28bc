"""A broker, and what the panel would log."""

import datetime as dt
import io
import logging
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import current_app
from django.utils import timezone

from keyring.redaction import RedactingFormatter
from wgpanel import embedded

START_SECONDS = 20


@pytest.fixture
def valkey(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """The embedded broker, in a directory of its own."""
    state_dir = Path(tempfile.mkdtemp(prefix="wgp-"))
    embedded.prepare(state_dir)
    server = subprocess.Popen(embedded.command(state_dir), stdout=subprocess.DEVNULL)
    deadline = timezone.now() + dt.timedelta(seconds=START_SECONDS)
    while not embedded.socket_path(state_dir).exists() and timezone.now() < deadline:
        os.sched_yield()
    monkeypatch.setattr(current_app.conf, "broker_url", embedded.broker_url(state_dir))
    monkeypatch.setattr(current_app.amqp, "_producer_pool", None)  # it keeps its connections
    yield server
    server.kill()
    server.wait()
    shutil.rmtree(state_dir)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[io.StringIO]:
    """Everything that is logged from now on, as the panel writes it."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(RedactingFormatter("%(message)s"))
    logging.getLogger().addHandler(handler)
    caplog.set_level(logging.DEBUG)
    yield written
    logging.getLogger().removeHandler(handler)
