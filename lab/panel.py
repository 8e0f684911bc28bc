"""The real panel as a child process, for the demo and for end-to-end tests."""

import http.client
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

from lab.errors import LabError

READY_SECONDS = 90.0
STOP_SECONDS = 60.0
ROOT = Path(__file__).resolve().parent.parent


class Panel:
    """`manage.py serve` on a loopback port, with its state in `state_dir`."""

    def __init__(self, state_dir: Path, port: int, environment: dict[str, str]) -> None:
        self.state_dir, self.port = state_dir, port
        self._environment = {**os.environ, **environment, "WGPANEL_STATE_DIR": str(state_dir)}
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "Panel":
        self.start()
        return self

    def start(self) -> None:
        """Start it; the same state comes back."""
        self._child = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--bind", f"127.0.0.1:{self.port}"],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us; we stop the panel in order
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """In order; raises LabError when it takes too long."""
        child = self._running()
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired as late:
            os.killpg(child.pid, signal.SIGKILL)
            raise LabError(f"the panel did not stop within {STOP_SECONDS:g} s") from late

    @property
    def pid(self) -> int:
        """Of the process above all others of the panel."""
        return self._running().pid

    @property
    def is_running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def wait_until_ready(self) -> None:
        """Until /readyz is green; raises LabError with what is not."""
        deadline = time.monotonic() + READY_SECONDS
        while (told := self._unready()) is not None:
            if not self.is_running:
                raise LabError(f"the panel has ended; its logs are in {self.state_dir / 'log'}")
            if time.monotonic() > deadline:
                raise LabError(f"the panel is not ready after {READY_SECONDS:g} s: {told}")
            time.sleep(0.2)

    def _unready(self) -> str | None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            return str(error)
        finally:
            connection.close()
        return None if answer.status == 200 else f"{answer.status} {body[:500]!r}"

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            raise LabError("the panel was not started")
        return self._child
