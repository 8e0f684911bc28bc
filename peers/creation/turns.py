"""Writers of one process wait for each other in line, not in the database.

SQLite makes writers sleep and try again, without an order: of 64 threads some try for 20 s in vain.
On PostgreSQL those who wait for one row start anew with each version of it: some wait for 15 s.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

_sqlite, _others = threading.Semaphore(1), threading.Semaphore(4)


@contextmanager
def in_turn() -> Iterator[None]:
    """Hold one of the process's turns to write. Whoever is in a transaction has had his."""
    if connection.in_atomic_block:
        yield
        return
    with _sqlite if connection.vendor == "sqlite" else _others:
        yield
