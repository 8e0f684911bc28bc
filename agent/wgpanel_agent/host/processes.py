"""Run one program to its end: a list of words, no shell, no pipes, no threads.

Input and output are anonymous memory files. `wg … /dev/stdin` opens its input by name, which the
socket pair that asyncio makes on Python 3.11 does not allow, and a secret never touches a disk. The
event loop sleeps on a pidfd, so a call costs one vfork and one wake-up.
"""

import asyncio
import os
import shutil
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

# Fixed, so that nothing of our own environment reaches the program.
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C",
    "WG_HIDE_KEYS": "always",
    "WG_COLOR_MODE": "never",
    "WG_ENDPOINT_RESOLUTION_RETRIES": "0",
}


class ProcessError(Exception):
    """The program could not be started, or did not end in time."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended; `exit_code` is negative for a signal. Output may hold secrets."""

    exit_code: int
    stdout: bytes
    stderr: bytes

    def __repr__(self) -> str:
        return f"Outcome(exit_code={self.exit_code})"


@contextmanager
def _memory_file(content: bytes = b"") -> Iterator[int]:
    fd = os.memfd_create("wgpanel-agent")
    try:
        os.write(fd, content)
        os.lseek(fd, 0, os.SEEK_SET)
        yield fd
    finally:
        os.close(fd)


def _content(fd: int) -> bytes:
    return os.pread(fd, os.fstat(fd).st_size, 0)


def _spawn(words: Sequence[str], stdin: int, stdout: int, stderr: int) -> int:
    program = shutil.which(words[0], path=ENVIRONMENT["PATH"])
    if program is None:
        raise ProcessError(f"{words[0]} is not installed")
    copies = [
        (os.POSIX_SPAWN_DUP2, ours, theirs) for theirs, ours in enumerate((stdin, stdout, stderr))
    ]
    try:
        return os.posix_spawn(program, list(words), ENVIRONMENT, file_actions=copies, setpgroup=0)
    except OSError as error:
        raise ProcessError(f"{words[0]} cannot be started: {error.strerror}") from error


class _Child:
    """Reaps its process whenever that ends, even if nobody waits for it any more."""

    def __init__(self, pid: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._pid = pid
        self._pidfd: int | None = os.pidfd_open(pid)
        self.ended: asyncio.Future[int] = self._loop.create_future()
        self._loop.add_reader(self._pidfd, self._reap, self._pidfd)

    def _reap(self, pidfd: int) -> None:
        self._pidfd = None
        self._loop.remove_reader(pidfd)
        os.close(pidfd)
        code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        if not self.ended.done():
            self.ended.set_result(code)

    def kill(self) -> None:
        if self._pidfd is not None:
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)


async def _exit_code(child: _Child, timeout_seconds: float) -> int:
    try:
        return await asyncio.wait_for(child.ended, timeout_seconds)
    except TimeoutError as error:
        raise ProcessError(f"no answer within {timeout_seconds:g} s") from error
    finally:
        child.kill()


async def run(words: Sequence[str], *, stdin: bytes = b"", timeout_seconds: float) -> Outcome:
    """Raises ProcessError; the exit code is the caller's to judge."""
    with _memory_file(stdin) as given, _memory_file() as out, _memory_file() as err:
        code = await _exit_code(_Child(_spawn(words, given, out, err)), timeout_seconds)
        return Outcome(code, _content(out), _content(err))
