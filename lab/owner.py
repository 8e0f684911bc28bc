"""Which process a thing belongs to: its id and its start time, so that a recycled id never fits."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path


def start_ticks(pid: int) -> int | None:
    """Start of the process in clock ticks since boot (proc(5), field 22); None if it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in "ZX" else int(fields[18])


@dataclass(frozen=True)
class Owner:
    """A process that was alive when this was written down."""

    pid: int
    started_ticks: int

    @classmethod
    def current(cls) -> "Owner":
        """This very process."""
        pid = os.getpid()
        return cls(pid, start_ticks(pid) or 0)

    @property
    def is_alive(self) -> bool:
        """The same process, not another one that got its id later."""
        return start_ticks(self.pid) == self.started_ticks

    def terminate(self) -> bool:
        """Send SIGTERM; False if the process is gone already."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        try:
            if not self.is_alive:  # asked after the handle is held, so the answer stays true
                return False
            signal.pidfd_send_signal(handle, signal.SIGTERM)
        except ProcessLookupError:
            return False
        finally:
            os.close(handle)
        return True
