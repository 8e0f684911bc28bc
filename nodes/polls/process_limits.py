"""What a process that asks thousands of nodes needs otherwise than others."""

import gc
import resource

OPEN_FILES = 65_536
COLLECTOR = (50_000, 20, 20)


def calm_the_collector() -> None:
    """A poll makes hundreds of objects and no cycle: looking for some took a tenth of its time."""
    gc.freeze()
    gc.set_threshold(*COLLECTOR)


def allow_open_files() -> None:
    """Raise the soft limit: each node keeps a connection open, and 1,024 is soon used up."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
