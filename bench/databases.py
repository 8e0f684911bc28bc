"""New databases to measure in, each with the panel's tables. Not a benchmark of ours."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


def in_new(database: str, module: str, words: Sequence[str]) -> int:
    """Run a benchmark in a process and a database of its own; return its exit status."""
    with _url(database) as url:
        command = [sys.executable, "-m", module, *words, "--here"]
        return subprocess.call(command, env={**os.environ, "DATABASE_URL": url})


def set_up() -> None:
    """Be the panel, on the database of DATABASE_URL."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "wgpanel.tests.settings"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


@contextmanager
def _url(database: str) -> Iterator[str]:
    from lab import postgres

    if database == "postgresql":
        with postgres.cluster(durable=True) as url:
            yield url
    else:
        with tempfile.TemporaryDirectory(prefix="wgpanel-bench-") as folder:
            yield f"sqlite:///{Path(folder) / 'wgpanel.sqlite3'}"
