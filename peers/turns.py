"""Writers of one process wait for each other in line, not for SQLite.

SQLite makes writers sleep and try again, without an order: of 64 threads some would try for 20 s
in vain. PostgreSQL has locks that are waited for, and needs none of this.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

_line = threading.Lock()


@contextmanager
def in_turn() -> Iterator[None]:
    """Hold the process's one turn to write. Whoever is in a transaction has the database's."""
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    with _line:
        yield
