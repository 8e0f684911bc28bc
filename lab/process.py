"""A long-running program on a lab host: started, stopped, killed, frozen, thawed."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.command import ENVIRONMENT
from lab.errors import LabError

STOP_SECONDS = 10.0


class Process:
    """One program; its output is appended to `log`."""

    def __init__(
        self,
        words: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        inherits: Sequence[int] = (),
    ) -> None:
        self._words = tuple(words)
        self._inherits = tuple(inherits)
        self._log = log
        self._environment = {**ENVIRONMENT, **(environment or {})}
        self._child: subprocess.Popen[bytes] | None = None
        self._is_frozen = False

    @property
    def is_running(self) -> bool:
        """A frozen program still runs."""
        return self._child is not None and self._child.poll() is None

    @property
    def pid(self) -> int:
        """nsenter becomes the program it starts, so this is the program itself."""
        return self._running().pid

    def start(self) -> None:
        if self.is_running:
            raise LabError(f"already running: {' '.join(self._words)}")
        self._is_frozen = False
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                self._words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                pass_fds=self._inherits,
                start_new_session=True,  # Ctrl-C is for the lab, which then stops its hosts
            )

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """SIGTERM and wait; raises LabError if the program ignores it."""
        child = self._running()
        child.terminate()
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired as error:
            message = f"no end {seconds:g} s after SIGTERM: {' '.join(self._words)}"
            raise LabError(message) from error

    def kill(self) -> None:
        """SIGKILL: no program can prepare for that."""
        child = self._running()
        child.kill()
        child.wait()

    def freeze(self) -> None:
        """SIGSTOP: connections are accepted by the kernel, nobody answers. Frozen on return."""
        if self._is_frozen:
            return  # a second stop would never be reported, and waited for without end
        os.kill(self.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED)
        self._is_frozen = True

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)
        self._is_frozen = False

    def reap(self) -> None:
        """Take note of the end of a program that was killed from elsewhere."""
        if self._child is not None:
            self._child.wait(STOP_SECONDS)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            raise LabError(f"not running: {' '.join(self._words)}")
        return self._child
