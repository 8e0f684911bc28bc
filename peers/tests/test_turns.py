"""Writers of one process wait in line."""

from contextlib import ExitStack

import pytest
from django.db import connections, transaction

from peers.creation import turns


@pytest.mark.parametrize(("vendor", "seats"), [("sqlite", 1), ("postgresql", 4)])
def test_there_are_as_many_turns_at_a_time_as_the_database_likes(monkeypatch, vendor, seats):
    monkeypatch.setattr(type(connections["default"]), "vendor", vendor)
    line = turns._sqlite if vendor == "sqlite" else turns._others
    with ExitStack() as held:
        for _ in range(seats):
            held.enter_context(turns.in_turn())
        assert not line.acquire(blocking=False)
    assert line.acquire(blocking=False)
    line.release()


@pytest.mark.django_db
def test_whoever_is_in_a_transaction_does_not_wait_for_a_turn():
    with transaction.atomic(), turns._sqlite, turns.in_turn():
        assert connections["default"].in_atomic_block
