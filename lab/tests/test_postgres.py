import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import environ
import psycopg
import pytest

from lab import postgres
from lab.fixtures import require
from lab.owner import start_ticks

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60.0
needs_postgres = pytest.mark.usefixtures("postgres_is_here")


@pytest.fixture(scope="module")
def postgres_is_here() -> None:
    require(postgres.why_not())


def connect(url: str) -> psycopg.Connection:
    """As Django does it."""
    database = environ.Env.db_url_config(url)
    return psycopg.connect(host=database["HOST"], user=database["USER"], dbname=database["NAME"])


def setting(connection: psycopg.Connection, name: str) -> str:
    row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row is not None
    return str(row[0])


def test_django_environ_finds_the_database_by_its_url(postgres: str) -> None:
    with connect(postgres) as connection:
        assert connection.info.dbname == "wgpanel"


def test_the_server_is_fifteen_or_newer_and_speaks_utf8(postgres: str) -> None:
    with connect(postgres) as connection:
        assert connection.info.server_version >= 150000
        assert setting(connection, "server_encoding") == "UTF8"


def test_the_server_does_not_listen_on_the_network(postgres: str) -> None:
    with connect(postgres) as connection:
        assert setting(connection, "listen_addresses") == ""


def test_a_test_may_create_databases(postgres: str) -> None:
    with connect(postgres) as connection:
        connection.autocommit = True
        connection.execute("CREATE DATABASE another")
        connection.execute("DROP DATABASE another")


@needs_postgres
def test_only_a_durable_cluster_waits_for_the_disk() -> None:
    with postgres.cluster(durable=True) as url, connect(url) as connection:
        assert setting(connection, "fsync") == "on"
        assert setting(connection, "synchronous_commit") == "on"


@needs_postgres
def test_a_cluster_leaves_no_folder_and_no_process() -> None:
    with postgres.cluster() as url:
        folder = Path(environ.Env.db_url_config(url)["HOST"])
        pid = int((folder / "data" / "postmaster.pid").read_text().split()[0])

    assert not folder.exists()
    assert start_ticks(pid) is None


@needs_postgres
def test_a_server_does_not_outlive_an_owner_that_is_killed() -> None:
    wait = "import sys, time; print(flush=True); time.sleep(600)"
    words = [sys.executable, "-m", "lab.postgres", "run", "--", sys.executable, "-c", wait]
    owner = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True)
    assert owner.stdout is not None
    owner.stdout.readline()
    (folder,) = Path(tempfile.gettempdir()).glob(f"{postgres.FOLDER_PREFIX}{owner.pid}-*")
    pid = int((folder / "data" / "postmaster.pid").read_text().split()[0])

    os.killpg(owner.pid, signal.SIGKILL)
    owner.wait()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while start_ticks(pid) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    postgres.remove_dead()

    assert not folder.exists()


@needs_postgres
def test_a_command_runs_with_the_database_and_gives_its_exit_code() -> None:
    check = (
        "import os, sys; sys.exit(7 if os.environ['DATABASE_URL'].startswith('postgres://') else 1)"
    )

    assert postgres.main(["run", "--", sys.executable, "-c", check]) == 7


def test_a_machine_without_postgresql_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(postgres, "OLDEST_VERSION", 99)

    assert postgres.why_not() == "PostgreSQL is missing: apt-get install postgresql-99"
