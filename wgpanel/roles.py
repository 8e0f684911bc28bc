"""The processes that make up the panel, and the words that start each.

`supervision` runs all of them on one host; `manage.py run ROLE` becomes one of them, for units of
systemd and containers.
"""

import sys
from collections.abc import Callable

WEB_WORKERS = 2
POLL_THREADS = 16
SYNC_THREADS = 16  # each waits for one node at a time
ALL_THREADS = 32

Words = tuple[str, ...]


def web(bind: str, workers: int = WEB_WORKERS) -> Words:
    return (
        sys.executable, "-m", "gunicorn", "wgpanel.wsgi", "--bind", bind,
        "--workers", str(workers), "--threads", "8", "--worker-tmp-dir", "/dev/shm",  # noqa: S108
        "--graceful-timeout", "30", "--no-control-socket",
    )  # fmt: skip


def worker(name: str = "worker", workers: int = ALL_THREADS) -> Words:
    """Everything in one process: for a small fleet, or many equal containers."""
    return _worker(name, "-Q", "poll,sync,hooks,maint", "-P", "threads", "-c", str(workers))


def worker_poll(name: str = "worker-poll", workers: int = POLL_THREADS) -> Words:
    """Threads of one process share its event loop: a batch of silent nodes holds up no other."""
    return _worker(name, "-Q", "poll", "-P", "threads", "-c", str(workers))


def worker_sync(name: str = "worker-sync", workers: int = SYNC_THREADS) -> Words:
    """Away from polling, so that a slow poll delays no edit."""
    return _worker(name, "-Q", "sync", "-P", "threads", "-c", str(workers))


def worker_maint(name: str = "worker-maint", workers: int = 1) -> Words:
    return _worker(name, "-Q", "hooks,maint", "-c", str(workers))


def beat() -> Words:
    return _celery("beat")


def _worker(name: str, *words: str) -> Words:
    # Nobody reads what workers tell each other; the heartbeats that count are in the database.
    quiet = ("--without-gossip", "--without-mingle", "-n", f"{name}@%h")
    return _celery("worker", *words, *quiet)


def _celery(*words: str) -> Words:
    return (sys.executable, "-m", "celery", "-A", "wgpanel", *words)


WORKERS: dict[str, Callable[..., Words]] = {
    "worker": worker,
    "worker-poll": worker_poll,
    "worker-sync": worker_sync,
    "worker-maint": worker_maint,
}
MIGRATE = "migrate"
NAMES = ("web", *WORKERS, "beat", MIGRATE)


def words(role: str, *, bind: str, workers: int | None = None) -> Words:
    """Return what starts `role`; `workers` is its processes (web) or its tasks at a time."""
    if role == "beat":
        return beat()
    count = {} if workers is None else {"workers": workers}
    return web(bind, **count) if role == "web" else WORKERS[role](role, **count)
