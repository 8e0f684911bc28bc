"""`manage.py run ROLE` becomes the process that does the work, says when, and ends on SIGTERM."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from django.core.management import CommandError, call_command

from wgpanel import embedded, roles, supervision
from wgpanel.secret_files import create_missing

READY_SECONDS = 60


@contextmanager
def running(words, environment):
    child = subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL)
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Of a panel with its own database, keys and broker."""
    state = tmp_path_factory.mktemp("s")
    create_missing(state)
    embedded.prepare(state)
    made = {
        "PATH": os.environ["PATH"],
        "WGPANEL_STATE_DIR": str(state),
        "REDIS_URL": embedded.broker_url(state),
        "WGPANEL_PORT": str(free_port()),
    }
    with running(embedded.command(state), made):
        subprocess.run(run("migrate"), env=made, check=True, capture_output=True)
        yield made


def run(*words: str) -> list[str]:
    return [sys.executable, "manage.py", "run", *words]


@pytest.mark.parametrize("role", ["web", "worker", "worker-maint", "beat"])
def test_a_role_tells_the_service_manager_that_it_is_ready_and_ends_on_sigterm(
    role, environment, tmp_path
):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "n"))
        manager.settimeout(READY_SECONDS)
        with running(run(role), {**environment, "NOTIFY_SOCKET": str(tmp_path / "n")}) as child:
            assert manager.recv(100).startswith(b"READY=1")
            child.send_signal(signal.SIGTERM)
            assert child.wait(READY_SECONDS) == 0


def test_the_web_role_serves_pages_with_their_static_files(environment):
    address = ("127.0.0.1", int(environment["WGPANEL_PORT"]))
    with running(run("web", "--workers", "1"), environment):
        assert b"200 OK" in ask(address, "/healthz")
        page = ask(address, "/admin/login/").decode()
        style = page.partition("/static/wgpanel/panel.")[2].partition('"')[0]
        assert b"200 OK" in ask(address, f"/static/wgpanel/panel.{style}")


def ask(address: tuple[str, int], path: str) -> bytes:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            with socket.create_connection(address, timeout=10) as wire:
                wire.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
                return b"".join(iter(lambda: wire.recv(65536), b""))
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.2)


def health(role, environment):
    """What HEALTHCHECK of a container says of it: nothing if it is well."""
    words = [sys.executable, "docker/panel_health.py", role]
    asked = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert (asked.returncode == 0) == (asked.stderr == ""), asked.stderr
    return asked.stderr.strip()


def test_a_worker_that_is_stopped_is_not_healthy(environment):
    deadline = time.monotonic() + 2 * READY_SECONDS  # each check is a Django that starts
    with running(run("worker"), environment) as child:
        while health("worker", environment):
            assert time.monotonic() < deadline
        child.send_signal(signal.SIGSTOP)
        assert "does not answer" in health("worker", environment)


def test_without_a_broker_to_share_no_role_starts(settings):
    settings.REDIS_URL = ""
    with pytest.raises(CommandError, match="manage.py serve"):
        call_command("run", "worker")


def test_the_roles_use_the_very_words_of_the_panel_on_one_host(settings):
    settings.REDIS_URL = "redis://127.0.0.1/0"
    programs = supervision.programs(bind="127.0.0.1:1", web_workers=3, poll_workers=1)
    supervised = {program.words for program in programs}
    names = ("web", "worker-poll-1", "worker-sync", "worker-maint", "beat")
    parts = {
        roles.words("web", bind="127.0.0.1:1", workers=3),
        roles.worker_poll("worker-poll-1"),
        *(roles.words(name, bind="") for name in ("worker-sync", "worker-maint", "beat")),
    }
    assert {program.name for program in programs} == set(names)
    assert supervised == parts


def test_one_worker_takes_from_every_queue_that_tasks_are_sent_to(settings):
    words = roles.words("worker", bind="", workers=5)
    routed = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()}
    assert routed | {settings.CELERY_TASK_DEFAULT_QUEUE} <= set(
        words[words.index("-Q") + 1].split(",")
    )
    assert words[words.index("-c") + 1] == "5"
