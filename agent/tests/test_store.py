"""The journal: what was committed is there again, and what was damaged is never believed."""

import os
import random
import sqlite3
import stat
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from wgpanel_agent.desired.store import FILE, JournalFull, Store
from wgpanel_agent.documents import (
    Delta,
    InterfacePart,
    PeerPart,
    State,
    WholeDocument,
    hash_sum,
    state_hash,
)

EPOCH = "3f0c8a52-6f0e-4f0a-9f57-0a4d3b7f1c11"
OTHER_EPOCH = "00000000-0000-4000-8000-000000000000"
PRIVATE = "u5drUhN5vZ6amdqZHuGI4GFCjlJXVCDlFGiF6jwAck0="
PART = InterfacePart(51820, ("10.0.0.1/24",), forward=True)


def make_peer(number: int, **fields: Any) -> PeerPart:
    key = b64encode(number.to_bytes(32, "big")).decode()
    return PeerPart(**{"public_key": key, "allowed_ips": (f"10.0.0.{number}/32",)} | fields)


def make_whole(*peers: PeerPart, generation: int = 1, epoch: str = EPOCH) -> WholeDocument:
    state = State(epoch, generation, state_hash(PART, peers))
    return WholeDocument(state, PART, peers)


def make_delta(
    store: Store, upsert: tuple[PeerPart, ...] = (), remove: tuple[str, ...] = ()
) -> Delta:
    kept, old = store.interface("wg0"), store.peers("wg0")
    assert kept
    gone = [*remove, *(peer.public_key for peer in upsert)]
    subtract = [old[key].digest() for key in gone if key in old]
    after = hash_sum(kept.state.hash, [peer.digest() for peer in upsert], subtract)
    generation = kept.state.generation
    return Delta(EPOCH, generation, generation + 1, after, upsert, remove)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    fresh = Store(tmp_path / "state", ["wg0"])
    yield fresh
    fresh.close()


def reopened(store: Store, folder: Path) -> Store:
    store.close()
    return Store(folder / "state", ["wg0"])


def test_a_fresh_journal_wants_nothing(store: Store) -> None:
    assert store.names() == []
    assert store.interface("wg0") is None
    assert dict(store.peers("wg0")) == {}
    assert not store.is_lost("wg0")


def test_a_whole_document_is_there_after_a_restart(store: Store, tmp_path: Path) -> None:
    peers = make_peer(2, preshared_key=PRIVATE, expires_at=7), make_peer(3, keepalive=25)
    store.commit_whole("wg0", make_whole(*peers))
    again = reopened(store, tmp_path)
    kept = again.interface("wg0")
    assert kept
    assert (kept.state, kept.part, kept.is_applied) == (make_whole(*peers).state, PART, False)
    assert dict(again.peers("wg0")) == {peer.public_key: peer for peer in peers}
    assert again.names() == ["wg0"]


def test_a_whole_document_replaces_the_one_before(store: Store, tmp_path: Path) -> None:
    store.commit_whole("wg0", make_whole(make_peer(2), make_peer(3)))
    after = make_peer(3, keepalive=5), make_peer(4)
    store.commit_whole("wg0", make_whole(*after, generation=2))
    assert list(reopened(store, tmp_path).peers("wg0").values()) == list(after)


def test_a_delta_adds_changes_and_removes(store: Store, tmp_path: Path) -> None:
    two, three, four = make_peer(2), make_peer(3), make_peer(4)
    store.commit_whole("wg0", make_whole(two, three))
    changed = make_peer(2, keepalive=25)
    store.commit_delta("wg0", make_delta(store, (changed, four), (three.public_key,)))
    again = reopened(store, tmp_path)
    assert dict(again.peers("wg0")) == {peer.public_key: peer for peer in (changed, four)}
    assert again.interface("wg0").state.generation == 2  # type: ignore[union-attr]


def test_what_was_handed_out_does_not_change(store: Store) -> None:
    store.commit_whole("wg0", make_whole(make_peer(2)))
    before = store.peers("wg0")
    store.commit_delta("wg0", make_delta(store, (make_peer(3),)))
    assert len(before) == 1
    assert len(store.peers("wg0")) == 2


def test_applied_means_this_generation_of_this_epoch(store: Store, tmp_path: Path) -> None:
    store.commit_whole("wg0", make_whole(make_peer(2)))
    store.mark_applied("wg0", 1)
    again = reopened(store, tmp_path)
    kept = again.interface("wg0")
    assert kept
    assert kept.is_applied
    assert kept.applied_at is not None
    again.commit_delta("wg0", make_delta(again, (make_peer(3),)))
    kept = again.interface("wg0")
    assert kept
    assert (kept.applied_generation, kept.is_applied) == (1, False)
    again.commit_whole("wg0", make_whole(epoch=OTHER_EPOCH))
    assert not again.interface("wg0").is_applied  # type: ignore[union-attr]
    again.close()


def test_a_private_key_may_be_kept_before_anything_is_desired(store: Store, tmp_path: Path) -> None:
    store.keep_private_key("wg0", PRIVATE)
    store.commit_whole("wg0", make_whole())
    again = reopened(store, tmp_path)
    assert again.private_key("wg0") == PRIVATE
    assert again.interface("wg0").private_key == PRIVATE  # type: ignore[union-attr]
    assert PRIVATE not in repr(again.interface("wg0"))


def test_what_is_forgotten_is_gone(store: Store, tmp_path: Path) -> None:
    store.keep_private_key("wg0", PRIVATE)
    store.commit_whole("wg0", make_whole(make_peer(2)))
    store.commit_whole("wg1", make_whole(make_peer(3)))
    store.forget("wg0")
    again = reopened(store, tmp_path)
    assert again.names() == ["wg1"]
    assert (again.interface("wg0"), again.private_key("wg0")) == (None, None)
    assert len(again.peers("wg1")) == 1


def test_only_its_owner_may_read_it(store: Store, tmp_path: Path) -> None:
    store.keep_private_key("wg0", PRIVATE)
    folder = tmp_path / "state"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_two_agents_cannot_share_it(store: Store, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="BUSY"):
        Store(tmp_path / "state")


def test_a_newer_journal_is_left_alone(store: Store, tmp_path: Path) -> None:
    store.close()
    with sqlite3.connect(tmp_path / "state" / FILE) as newer:
        newer.execute("PRAGMA user_version = 2")
    newer.close()
    with pytest.raises(OSError, match="newer agent"):
        Store(tmp_path / "state")


def test_a_disk_without_room_changes_nothing(store: Store, tmp_path: Path) -> None:
    store.commit_whole("wg0", make_whole(make_peer(2)))
    store._rows.connection.execute("PRAGMA max_page_count = 12")
    many = make_whole(*(make_peer(n, preshared_key=PRIVATE) for n in range(1, 255)), generation=2)
    with pytest.raises(JournalFull, match="SQLITE_FULL"):
        store.commit_whole("wg0", many)
    assert store.interface("wg0").state.generation == 1  # type: ignore[union-attr]
    again = reopened(store, tmp_path)
    assert list(again.peers("wg0").values()) == [make_peer(2)]


def damaged(folder: Path) -> Store:
    """A journal with a desired state, after its file was damaged."""
    return Store(folder / "state", ["wg0"])


@pytest.fixture
def file(store: Store, tmp_path: Path) -> Path:
    """A closed journal of two peers and a key."""
    store.keep_private_key("wg0", PRIVATE)
    store.commit_whole("wg0", make_whole(make_peer(2, preshared_key=PRIVATE), make_peer(3)))
    store.close()
    return tmp_path / "state" / FILE


@pytest.mark.parametrize("share", [0, 0.1, 0.3, 0.6])
def test_a_truncated_journal_is_lost_and_set_aside(
    file: Path, tmp_path: Path, share: float
) -> None:
    os.truncate(file, int(file.stat().st_size * share))
    store = damaged(tmp_path)
    assert store.is_lost("wg0")
    assert (store.names(), store.private_key("wg0")) == ([], None)
    assert len(list(file.parent.glob(f"{FILE}.broken-*"))) == 1
    store.close()


def test_a_file_of_something_else_is_lost(file: Path, tmp_path: Path) -> None:
    file.write_bytes(b"not a database at all, but long enough to be taken for one" * 99)
    store = damaged(tmp_path)
    assert store.is_lost("wg0")
    store.close()


def test_a_flipped_bit_is_never_believed(
    file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is lost, or the bit did not matter and everything is as it was."""
    whole, expected = file.read_bytes(), [make_peer(2, preshared_key=PRIVATE), make_peer(3)]
    dice, lost = random.Random(4), 0
    used = [place for place, byte in enumerate(whole) if byte]
    for place in dice.sample(used, 150):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << dice.randrange(8)
        file.write_bytes(flipped)
        store = damaged(tmp_path)
        lost += store.is_lost("wg0")
        if not store.is_lost("wg0"):
            kept = store.interface("wg0")
            assert kept
            assert (kept.state, kept.private_key) == (make_whole(*expected).state, PRIVATE)
            assert list(store.peers("wg0").values()) == expected
        store.close()
    assert lost > 50
    assert PRIVATE[:8] not in caplog.text


def test_lost_stays_lost_until_a_whole_document_heals_it(file: Path, tmp_path: Path) -> None:
    os.truncate(file, 0)
    damaged(tmp_path).close()
    store = damaged(tmp_path)
    assert store.is_lost("wg0")
    store.commit_whole("wg0", make_whole(make_peer(2)))
    assert not store.is_lost("wg0")
    assert not reopened(store, tmp_path).is_lost("wg0")


def test_a_state_that_must_have_been_there_is_marked_lost(store: Store, tmp_path: Path) -> None:
    store.mark_lost("wg0")
    again = reopened(store, tmp_path)
    assert again.is_lost("wg0")
    again.forget("wg0")
    assert not again.is_lost("wg0")
    again.close()
