"""The panel as single processes, the way units run it: two web behind a proxy, workers, beat."""

import http.client
import os
import shutil
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from lab.errors import LabError
from lab.manage import manage
from lab.panel import ROOT
from lab.process import Process
from wgpanel import embedded, secret_files

READY_SECONDS = 90.0
STOP_SECONDS = 45.0  # what units and containers allow
# Two that poll: while one is renewed, no node's report grows stale. An edit only waits its turn.
WORKERS = ("worker-poll", "worker-poll-2", "worker-sync", "worker-maint")
ACTIVATED = 'exec 3<&%d; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"'
CADDYFILE = """\
{
	admin off
	auto_https off
}

http://127.0.0.1:%(port)d {
	reverse_proxy %(backends)s {
		lb_policy least_conn
		transport http {
			keepalive off
		}
	}
}
"""


class Stack:
    """Everything but agents; `ports` are those of the proxy and of the web processes."""

    def __init__(self, state_dir: Path, ports: tuple[int, ...], environment: Mapping[str, str]):
        self.state_dir = state_dir
        self._port, *self._web_ports = ports
        self._environment = {
            **os.environ,
            **environment,
            "HOME": str(state_dir),
            "PYTHONPATH": str(ROOT),
            "WGPANEL_STATE_DIR": str(state_dir),
            "WGPANEL_TRUSTED_PROXIES": "1",
            "REDIS_URL": embedded.broker_url(state_dir),
        }
        self._undo = ExitStack()
        self._processes = dict(self._made())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> "Stack":
        secret_files.create_missing(self.state_dir)
        embedded.prepare(self.state_dir)
        manage(self.state_dir, "migrate")
        manage(self.state_dir, "collectstatic", "--no-input")
        manage(self.state_dir, "ensure_admin")
        try:
            self._start()
        except BaseException:
            self._undo.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._undo.close()

    def _start(self) -> None:
        for process in self._processes.values():
            process.start()
            self._undo.callback(_end, process)
        for port in (*self._web_ports, self._port):
            self._wait(port, "/readyz")

    def roll_web(self) -> None:
        """Renew one web process after the other, as an upgrade does."""
        for port in self._web_ports:
            self._renew(f"web-{port}")
            self._wait(port, "/healthz")

    def roll_workers(self) -> None:
        for name in (*WORKERS, "beat"):
            self._renew(name)

    def _renew(self, name: str) -> None:
        self._processes[name].stop(STOP_SECONDS)
        self._processes[name].start()

    def _made(self) -> Iterator[tuple[str, Process]]:
        yield "valkey", self._process("valkey", *embedded.command(self.state_dir))
        for port in self._web_ports:
            yield f"web-{port}", self._web(port)
        for name in (*WORKERS, "beat"):
            yield name, self._role(name, name.removesuffix("-2"))
        yield "caddy", self._process("caddy", *self._caddy())

    def _role(self, name: str, *words: str) -> Process:
        return self._process(name, sys.executable, str(ROOT / "manage.py"), "run", *words)

    def _web(self, port: int) -> Process:
        """Given its socket as systemd does, sd_listen_fds(3): open while nobody listens."""
        door = self._undo.enter_context(socket.create_server(("127.0.0.1", port), backlog=1024))
        words = (
            "bash",
            "-c",
            ACTIVATED % door.fileno(),
            "web",
            sys.executable,
            str(ROOT / "manage.py"),
        )
        log = self.state_dir / f"web-{port}.log"
        return Process((*words, "run", "web"), log, self._environment, [door.fileno()])

    def _process(self, name: str, *words: str) -> Process:
        return Process(words, self.state_dir / f"{name}.log", self._environment)

    def _caddy(self) -> tuple[str, ...]:
        program = shutil.which("caddy")
        if program is None:
            raise LabError("caddy is not installed: apt-get install caddy")
        backends = " ".join(f"127.0.0.1:{port}" for port in self._web_ports)
        file = self.state_dir / "Caddyfile"
        file.write_text(CADDYFILE % {"port": self._port, "backends": backends})
        return program, "run", "--adapter", "caddyfile", "--config", str(file)

    def _wait(self, port: int, path: str) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while (told := answer(port, path)) != http.HTTPStatus.OK:
            if time.monotonic() > deadline:
                raise LabError(f"{path} at port {port} after {READY_SECONDS:g} s: {told}")
            time.sleep(0.1)


def _end(process: Process) -> None:
    if process.is_running:
        process.stop(STOP_SECONDS)


def answer(port: int, path: str) -> int | str:
    """The status of one call, or why there was none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return str(error)
    finally:
        connection.close()
