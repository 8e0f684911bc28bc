"""What can be wrong with an installation: each check says it in words, and what to do about it."""

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from celery import current_app
from django.conf import settings
from django.core.checks import Tags, run_checks
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from kombu.exceptions import OperationalError

from keyring import backups, rotation
from keyring.sealing import current_key_id
from nodes.models import Node
from schedule.models import Heartbeat
from wgpanel import health, static_files

BROKER_TIMEOUT_SECONDS = 3
MOST_SKEW_MS = 5_000
DOES_NOT_ANSWER = "the database does not answer"


@dataclass(frozen=True)
class Finding:
    """One check's answer: `problem` is empty where all is well. A warning fails nothing."""

    name: str
    detail: str = ""
    problem: str = ""
    advice: str = ""
    is_warning: bool = False

    @property
    def status(self) -> str:
        if not self.problem:
            return "ok"
        return "warning" if self.is_warning else "problem"

    def __str__(self) -> str:
        told = f"{self.problem}: {self.advice}" if self.problem else self.detail
        return f"{self.status:8} {self.name}{': ' if told else ''}{told}"


def configuration() -> Iterator[Finding]:
    found = [it for it in run_checks(tags=[Tags.security]) if it.is_serious()]
    for fault in found:
        yield Finding("configuration", problem=fault.msg.rstrip("."), advice=fault.hint or "")
    if not found:
        yield Finding("configuration", "serves safely")


def database() -> Iterator[Finding]:
    with transaction.atomic():
        Heartbeat.beat("doctor")
        transaction.set_rollback(True)
    with connection.cursor():
        version = ".".join(map(str, connection.get_database_version()))
    yield Finding("database", f"{connection.vendor} {version}, can be written")


def migrations() -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if pending:
        told, advice = f"{len(pending)} are pending", "run `manage.py run migrate`"
        yield Finding("migrations", problem=told, advice=advice)
    else:
        yield Finding("migrations", "all applied")


def broker() -> Iterator[Finding]:
    try:
        with current_app.connection_for_read() as link:
            link.ensure_connection(max_retries=1, timeout=BROKER_TIMEOUT_SECONDS)
            keeps = link.default_channel.client.info("persistence").get("aof_enabled")
    except (OperationalError, OSError) as error:
        advice = "start it, or correct REDIS_URL" if settings.REDIS_URL else "start `serve`"
        yield Finding("broker", problem=f"does not answer ({type(error).__name__})", advice=advice)
        return
    if keeps:
        yield Finding("broker", "answers, keeps what it is told")
    else:
        advice = "`appendonly yes`, or wake-ups are lost when it restarts"
        yield Finding("broker", problem="no append-only file", advice=advice, is_warning=True)


def keys() -> Iterator[Finding]:
    locked = sum(rotation.locked(column) for column in rotation.secret_columns())
    if locked:
        advice = "put the key that sealed them into WGPANEL_FIELD_KEY_OLD"
        yield Finding("field key", problem=f"{locked} secrets do not open", advice=advice)
    else:
        yield Finding("field key", "opens every stored secret")


def key_backup() -> Iterator[Finding]:
    if backups.is_confirmed():
        yield Finding("key backup", "confirmed")
    else:
        told = f"nobody has confirmed that the field key {current_key_id()} is backed up"
        advice = "keep a copy elsewhere, then `manage.py confirm_key_backup`"
        yield Finding("key backup", problem=told, advice=advice, is_warning=True)


def file_modes() -> Iterator[Finding]:
    """Only the owner may read keys and data."""
    folder = settings.STATE_DIR / "keys"
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    paths = [path for path in (settings.STATE_DIR, folder, *files) if path.exists()]
    yield from map(_open_to_others, filter(_is_open, paths))
    if not any(map(_is_open, paths)):
        yield Finding("file modes", "closed to others")


def _is_open(path: Path) -> bool:
    """An empty folder tells nobody anything, such as that of a container whose keys are secrets."""
    holds_nothing = path.is_dir() and not any(path.iterdir())
    return not holds_nothing and path.stat().st_mode & 0o077 != 0


def _open_to_others(path: Path) -> Finding:
    mode = path.stat().st_mode & 0o777
    return Finding("file modes", problem=f"{path} has mode {mode:03o}", advice=f"chmod go= {path}")


def collected_files() -> Iterator[Finding]:
    if static_files.manifest().exists():
        yield Finding("static files", "collected")
    else:
        advice = "run `manage.py run migrate`, or pages have no style"
        yield Finding("static files", problem="not collected", advice=advice)


def processes() -> Iterator[Finding]:
    for shown, stored in health.HEARTBEATS.items():
        told = health.freshness(stored)
        if told == "ok":
            yield Finding(shown, "alive")
        else:
            yield Finding(shown, problem=told, advice="look whether it runs, and at its log")


def clock() -> Iterator[Finding]:
    """When most nodes disagree with the panel, it is the panel that is wrong."""
    skews = Node.objects.filter(enabled=True).values_list("clock_skew_ms", flat=True)
    known = [skew for skew in skews if skew is not None]
    median = statistics.median(known) if known else 0
    if abs(median) > MOST_SKEW_MS:
        told = f"half of the nodes are {median / 1000:+.0f} s away from this host"
        yield Finding("clock", problem=told, advice="let NTP set the clock of this host")
    else:
        yield Finding("clock", "agrees with the nodes" if known else "no node to compare with")


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    configuration, database, migrations, broker, keys, key_backup, file_modes, collected_files,
    processes, clock,
)  # fmt: skip


def examine() -> Iterator[Finding]:
    """Run every check; one that the database stops is a finding too."""
    for check in CHECKS:
        try:
            yield from check()
        except DatabaseError as error:
            name = check.__name__.replace("_", " ")
            told = f"{DOES_NOT_ANSWER} ({type(error).__name__})"
            yield Finding(name, problem=told, advice="start it, correct DATABASE_URL, or migrate")
