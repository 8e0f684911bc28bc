"""Processes that daemonise (wireguard-go does) become children of the lab instead of process 1.

Process 1 of a container often never looks after them: they would stay as zombies.
"""

import ctypes
import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from lab.errors import LabError

PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
PR_GET_CHILD_SUBREAPER = 37
DEATH_SECONDS = 10.0


@contextmanager
def adopted() -> Iterator[None]:
    """While this lasts, orphans of this process's descendants come to this process."""
    libc = ctypes.CDLL(None)
    before = ctypes.c_int()
    libc.prctl(PR_GET_CHILD_SUBREAPER, ctypes.byref(before), 0, 0, 0)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        libc.prctl(PR_SET_CHILD_SUBREAPER, before.value, 0, 0, 0)


def kill(handle: int) -> None:
    """SIGKILL to the process behind this pidfd."""
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(handle, signal.SIGKILL)


def bury(handle: int) -> None:
    """Wait until the process is dead, and take its status if it is a child of ours."""
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    if not poll.poll(DEATH_SECONDS * 1000):
        raise LabError(f"a process survives SIGKILL for {DEATH_SECONDS:g} s")
    with suppress(ChildProcessError):
        os.waitid(os.P_PIDFD, handle, os.WEXITED)
