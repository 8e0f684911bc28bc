"""A throw-away PostgreSQL on a private unix socket, without TCP.

python -m lab.postgres run -- COMMAND…     runs the command with DATABASE_URL set
"""

import argparse
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from lab.command import run
from lab.errors import CommandFailed, LabError
from lab.owner import Owner

USER = DATABASE = "wgpanel"
SYSTEM_USER = "postgres"  # made by Debian's package; PostgreSQL refuses to run as root
OLDEST_VERSION = 15
START_SECONDS = 30.0
FOLDER_PREFIX = "wgpanel-lab-pg-"
FAST_AND_UNSAFE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


def why_not() -> str | None:
    """What is missing for a cluster, as a sentence; None if nothing is."""
    if _programs() is None:
        return f"PostgreSQL is missing: apt-get install postgresql-{OLDEST_VERSION}"
    return None


def _programs() -> Path | None:
    """Folder of Debian's newest PostgreSQL, if that is new enough."""
    versions = [int(path.name) for path in Path("/usr/lib/postgresql").glob("[0-9]*")]
    if max(versions, default=0) < OLDEST_VERSION:
        return None
    return Path(f"/usr/lib/postgresql/{max(versions)}/bin")


@contextmanager
def cluster(*, durable: bool = False) -> Iterator[str]:
    """A server with an empty database; gives its DATABASE_URL.

    It survives a kill -9 only if `durable`; without, it is quicker. Raises LabError.
    """
    programs = _programs()
    if programs is None:
        raise LabError(why_not())
    remove_dead()
    folder = _make_folder()
    try:
        server = Cluster(folder, programs)
        server.create()
        with server.running(() if durable else FAST_AND_UNSAFE):
            yield server.url
    finally:
        shutil.rmtree(folder)


class Cluster:
    """One server in one folder."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder = folder
        self._programs = programs
        self._log = folder / "server.log"

    @property
    def url(self) -> str:
        """As django-environ reads it: a host would be lower-cased, a path is not."""
        return f"postgres://{USER}@/{quote(str(self.folder), safe='')}/{DATABASE}"

    def create(self) -> None:
        """The files of an empty cluster."""
        words = [str(self._programs / "initdb"), "--pgdata", str(self.folder / "data")]
        words += ["--username", USER, "--auth=trust", "--no-sync"]
        words += ["--encoding=UTF8", "--locale=C.UTF-8"]
        run([*_unprivileged(), *words], timeout_seconds=60)

    @contextmanager
    def running(self, settings: Sequence[str]) -> Iterator[None]:
        """SIGINT, the fast shutdown, ends it, also if this process dies without a word."""
        places = ("listen_addresses=", f"unix_socket_directories={self.folder}")
        options = [word for setting in (*places, *settings) for word in ("-c", setting)]
        words = [str(self._programs / "postgres"), "-D", str(self.folder / "data"), *options]
        with self._log.open("ab") as log:
            server = subprocess.Popen(
                [*_unprivileged("--pdeathsig", "INT"), *words],
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us; we then stop the server
            )
        try:
            self._wait_until_ready(server)
            run([*self._client("createdb"), DATABASE])
            yield
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(START_SECONDS)

    def _wait_until_ready(self, server: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            if server.poll() is not None or time.monotonic() > deadline:
                raise LabError(f"PostgreSQL does not start:\n{self._log.read_text()}")
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        try:
            run(self._client("pg_isready"))
        except CommandFailed:
            return False
        return True

    def _client(self, program: str) -> list[str]:
        return [str(self._programs / program), "--host", str(self.folder), "--username", USER]


def _unprivileged(*options: str) -> list[str]:
    """setpriv(1) in front of a program: the system user if we are root, else just ourselves."""
    if os.geteuid() != 0:
        return ["setpriv", *options]
    user = pwd.getpwnam(SYSTEM_USER)
    ids = ["--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups"]
    return ["setpriv", *ids, *options]


def _make_folder() -> Path:
    """Named after its owner, so that a later run knows whether it is still needed."""
    owner = Owner.current()
    folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{owner.pid}-{owner.started_ticks}-"))
    if os.geteuid() == 0:
        shutil.chown(folder, SYSTEM_USER, SYSTEM_USER)
    return folder


def remove_dead() -> None:
    """Remove the folders of owners that were killed; their servers ended with them."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*-*-*"):
        pid, started_ticks = folder.name.removeprefix(FOLDER_PREFIX).split("-")[:2]
        if not Owner(int(pid), int(started_ticks)).is_alive:
            shutil.rmtree(folder, ignore_errors=True)


def run_with_database(command: Sequence[str]) -> int:
    """Exit code of the command, run with DATABASE_URL on a new cluster."""
    with cluster() as url:
        return subprocess.run(
            command, env={**os.environ, "DATABASE_URL": url}, check=False
        ).returncode


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.postgres", description=__doc__)
    acts = parser.add_subparsers(required=True)
    act = acts.add_parser("run", help="run a command with DATABASE_URL of a new cluster")
    act.add_argument("command", nargs="+")
    command = parser.parse_args(arguments).command
    try:
        return run_with_database(command)
    except LabError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sys.exit(main())
