"""The memory of received requests, across restarts, reboots and full disks."""

import stat
from dataclasses import dataclass
from pathlib import Path

import pytest
from wgpanel_agent.api import nonces
from wgpanel_agent.api.nonces import KEEP, RELAXED, NoncesFull, NonceStore
from wgpanel_agent.protocol import ProtocolError

NOW = 1_767_225_600.0
LONG = 1_000_000.0


@dataclass
class Machine:
    """A wall clock and the time since the boot, both in the test's hands."""

    now: float = NOW
    up: float = LONG

    def store(self, path: Path | None = None, **fields) -> NonceStore:
        return NonceStore(path, clock=lambda: self.now, uptime=lambda: self.up, **fields)


def nonce(number: int) -> str:
    return f"{number:022d}"


def is_replay(store: NonceStore, number: int, created: float = NOW) -> bool:
    try:
        store.claim(nonce(number), int(created))
    except ProtocolError as error:
        return error.reason == "replay"
    return False


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Of a file that an earlier start left behind, empty."""
    path = tmp_path / "nonces"
    Machine().store(path).close()
    return path


def test_a_nonce_is_claimed_once():
    store = Machine().store()
    assert [is_replay(store, 1), is_replay(store, 1), is_replay(store, 2)] == [False, True, False]


def test_a_restart_remembers_without_a_clean_close(path):
    machine = Machine()
    machine.store(path).claim(nonce(1), int(NOW))
    assert is_replay(machine.store(path), 1)
    assert not is_replay(machine.store(path), 2)


def test_a_line_cut_off_by_a_crash_is_left_out_and_the_rest_is_known(path):
    machine = Machine()
    machine.store(path).claim(nonce(1), int(NOW))
    with path.open("ab") as file:
        file.write(b"1767225600 00000")
    assert is_replay(machine.store(path), 1)
    assert not is_replay(machine.store(path), 2)


@pytest.mark.parametrize(
    "damage", [b"rubbish\n", b"\0" * 35 + b"\n", b"\n", b"-5 0000000000000000000000\n"]
)
def test_a_damaged_file_refuses_all_that_was_signed_before_the_start(path, damage):
    with path.open("ab") as file:
        file.write(damage)
    store = Machine().store(path)
    assert is_replay(store, 1, NOW - 1)
    assert not is_replay(store, 1, NOW)


def test_a_missing_file_refuses_all_that_was_signed_before_the_start(tmp_path):
    store = Machine().store(tmp_path / "nonces")
    assert is_replay(store, 1, NOW - 1)
    assert not is_replay(store, 1, NOW)


def test_after_a_boot_whatever_may_have_been_signed_before_it_is_refused(path):
    machine = Machine(up=10)
    store = machine.store(path)
    assert is_replay(store, 1, NOW - 11)
    assert is_replay(store, 1, NOW + 19)  # by a clock that was 30 s fast
    assert not is_replay(store, 1, NOW + 20)


def test_the_moment_of_the_boot_follows_a_clock_that_is_set_later(path):
    machine = Machine(now=NOW - 7200, up=10)
    store = machine.store(path)
    machine.now, machine.up = NOW, 20
    assert is_replay(store, 1, NOW - 1)


def test_a_clock_set_back_does_not_bring_a_nonce_back():
    machine = Machine()
    store = machine.store()
    store.claim(nonce(1), int(NOW))
    machine.now = NOW + 3600
    store.claim(nonce(2), int(machine.now))
    machine.now = NOW + 5
    assert is_replay(store, 1)


def test_when_room_is_needed_only_nonces_that_no_clock_accepts_any_more_are_forgotten():
    machine = Machine()
    store = machine.store(capacity=RELAXED + 10)
    for number in range(RELAXED):
        store.claim(nonce(number), int(NOW))
    machine.now = NOW + KEEP + 1
    store.claim(nonce(RELAXED), int(machine.now))
    assert len(store) == 1


def test_a_full_store_turns_away_and_drops_no_live_nonce():
    machine = Machine()
    store = machine.store(capacity=3)
    for number in range(3):
        store.claim(nonce(number), int(NOW))
    with pytest.raises(NoncesFull):
        store.claim(nonce(3), int(NOW))
    assert all(is_replay(store, number) for number in range(3))


def test_what_a_full_store_turned_away_is_not_accepted_later():
    machine = Machine()
    store = machine.store(capacity=RELAXED)
    for number in range(RELAXED):
        store.claim(nonce(number), int(NOW - 89))
    with pytest.raises(NoncesFull):
        store.claim(nonce(-1), int(NOW))
    machine.now = NOW + 30
    assert is_replay(store, -1, NOW)
    assert not is_replay(store, -2, NOW + 1)


def test_the_file_is_the_owners_alone(path):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_file_does_not_grow_without_end(path):
    machine = Machine()
    store = machine.store(path)
    for number in range(4 * RELAXED):
        machine.now += 1
        store.claim(nonce(number), int(machine.now))
    assert path.stat().st_size < 34 * 3 * RELAXED
    assert is_replay(machine.store(path), 4 * RELAXED - 1, machine.now)


def test_on_a_full_disk_memory_goes_on_and_the_next_start_knows_the_gap(path, full_disk):
    machine = Machine()
    store = machine.store(path)
    full_disk()
    store.claim(nonce(1), int(NOW))
    assert is_replay(store, 1)
    assert not path.exists()
    machine.now += 5
    assert is_replay(machine.store(path), 1)


@pytest.fixture
def full_disk(monkeypatch):
    """From the call on, a write takes a part of what it is given."""
    real = nonces.os.write
    return lambda: monkeypatch.setattr(nonces.os, "write", lambda fd, data: real(fd, data[:3]))


def test_a_file_that_may_not_be_read_stops_the_start(tmp_path):
    (tmp_path / "nonces").mkdir()
    with pytest.raises(OSError, match="nonces"):
        Machine().store(tmp_path / "nonces")
