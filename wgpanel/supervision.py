"""Which processes make up the panel on one host, as a configuration of Supervisor.

See https://supervisord.org/configuration.html. Each program logs to `log/NAME.log` in the state
directory, is restarted when it dies, and is stopped with its whole process group.
"""

import os
import shlex
import shutil
import sys
from configparser import ConfigParser
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from django.conf import settings

from wgpanel import embedded, roles

LOG_BYTES = 5_000_000
# Longer than CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT, so that a task in flight ends or is handed back.
STOP_SECONDS = 40
# Should Supervisor be killed, its children end instead of running on with nobody above them.
ENDS_WITH_PARENT = ("setpriv", "--pdeathsig", "TERM", "--")


@dataclass(frozen=True)
class Program:
    """One supervised process; those with a lower priority start first and stop last."""

    name: str
    words: tuple[str, ...]
    priority: int
    environment: dict[str, str] = field(default_factory=dict)


def programs(*, bind: str, web_workers: int, poll_workers: int) -> list[Program]:
    """Return web, workers, beat and, without REDIS_URL, the embedded Valkey."""
    valkey = [] if settings.REDIS_URL else [_valkey()]
    return [
        *valkey,
        Program("web", roles.web(bind, web_workers), 20, _one_set_of_metrics()),
        *(_poll_worker(number) for number in range(1, poll_workers + 1)),
        Program("worker-sync", roles.worker_sync(), 30),
        Program("worker-maint", roles.worker_maint(), 30),
        Program("beat", roles.beat(), 40),
    ]


def _valkey() -> Program:
    return Program("valkey", tuple(embedded.command(settings.STATE_DIR)), 10)


def _one_set_of_metrics() -> dict[str, str]:
    """Let the web processes count into one place: whichever is asked answers for all."""
    return {"PROMETHEUS_MULTIPROC_DIR": str(metrics_folder(settings.STATE_DIR))}


def metrics_folder(state_dir: Path) -> Path:
    """Return where the web processes keep their counters, by process id."""
    return state_dir / "metrics"


def clear_metrics(state_dir: Path) -> None:
    """Begin at zero, as Prometheus expects of a process that starts."""
    folder = metrics_folder(state_dir)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)


def _poll_worker(number: int) -> Program:
    name = f"worker-poll-{number}"
    return Program(name, roles.worker_poll(name), 30)


def write(wanted: list[Program], state_dir: Path) -> Path:
    """Write Supervisor's configuration for `wanted` and return its path."""
    (state_dir / "log").mkdir(mode=0o700, parents=True, exist_ok=True)
    parser = ConfigParser(interpolation=None)
    parser["supervisord"] = _supervisord(state_dir)
    for program in wanted:
        parser[f"program:{program.name}"] = _section(program, state_dir)
    path = state_dir / "supervisord.conf"
    with path.open("w") as file:
        parser.write(file)
    return path


def _supervisord(state_dir: Path) -> dict[str, str]:
    return {
        "nodaemon": "true",
        "silent": "true",
        "logfile": _quoted(state_dir / "log" / "supervisord.log"),
        "logfile_maxbytes": str(LOG_BYTES),
        "pidfile": _quoted(state_dir / "supervisord.pid"),
        **({"user": "root"} if os.getuid() == 0 else {}),
    }


def _section(program: Program, state_dir: Path) -> dict[str, str]:
    return {
        "command": _quoted(shlex.join(_tied(program.words))),
        "environment": ",".join(
            f'{name}="{_quoted(value)}"' for name, value in program.environment.items()
        ),
        "directory": _quoted(settings.BASE_DIR),
        "priority": str(program.priority),
        "autorestart": "true",
        "startretries": "1000",
        "stopasgroup": "false",
        "killasgroup": "true",
        "stopwaitsecs": str(STOP_SECONDS),
        "redirect_stderr": "true",
        # the one value that Supervisor expands twice
        "stdout_logfile": _quoted(_quoted(state_dir / "log" / f"{program.name}.log")),
        "stdout_logfile_maxbytes": str(LOG_BYTES),
        "stdout_logfile_backups": "2",
    }


def _tied(words: tuple[str, ...]) -> tuple[str, ...]:
    return (*ENDS_WITH_PARENT, *words) if shutil.which(ENDS_WITH_PARENT[0]) else words


def _quoted(text: object) -> str:
    """Supervisor expands %(NAME)s: a percent sign stands for itself only when doubled."""
    return str(text).replace("%", "%%")


def running_pid(state_dir: Path) -> int | None:
    """Return the process id of a panel that runs from this state directory already, if any."""
    try:
        pid = int((state_dir / "supervisord.pid").read_text())
        words = psutil.Process(pid).cmdline()
    except (OSError, ValueError, psutil.Error):
        return None
    return pid if str(state_dir / "supervisord.conf") in words else None


def command(path: Path) -> list[str]:
    """Return the words that run Supervisor in the foreground."""
    return [sys.executable, "-m", "supervisor.supervisord", "--nodaemon", "-c", str(path)]
