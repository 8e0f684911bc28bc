"""Which keys an agent accepts while they are exchanged, and what is left of them on disk."""

import json
import stat
from pathlib import Path

import pytest
from wgpanel_agent.keys.key_ring import OVERLAP, BrokenRing, KeyRing, NotCurrent
from wgpanel_agent.protocol import BadShare, Half, agreed_secret, derive_keys, make_half

SECRET = b"kX2v7Qm4Zt9Lw1Rb6Ny3Hc8Jd5Gf0Ps-ring-test"
OTHER = b"Zt9Lw1Rb6Ny3Hc8Jd5Gf0PskX2v7Qm4-ring-test"


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def make_ring(path: Path | None, clock: Clock, secret: bytes = SECRET) -> KeyRing:
    return KeyRing("node-1", 1, secret, path, clock=clock)


def stage(ring: KeyRing, seq: int = 2, half: Half | None = None, old: bytes = SECRET) -> bytes:
    """Return the new secret as the panel reckons it."""
    half = half or make_half()
    share = ring.stage(f"node-1.{seq - 1}", seq, half.share)
    keyid, shares = f"node-1.{seq}", (half.share, share)
    return agreed_secret(half, share, old=old, keyid=keyid, shares=shares).encode()


def rotate(ring: KeyRing) -> bytes:
    secret = stage(ring)
    ring.prove("node-1.2")
    return secret


def test_the_first_key_is_that_of_the_enrolment(path, clock):
    ring = make_ring(path, clock)
    assert dict(ring) == {"node-1.1": derive_keys("node-1", 1, SECRET)}
    assert not path.exists()


def test_the_staged_key_is_the_one_that_the_panel_reckons(path, clock):
    ring = make_ring(path, clock)
    secret = stage(ring)
    assert ring["node-1.2"] == derive_keys("node-1", 2, secret)
    assert ring.current.keyid == "node-1.1"


def test_to_stage_the_same_again_gives_the_same(path, clock):
    half, ring = make_half(), make_ring(path, clock)
    first = stage(ring, half=half)
    assert stage(make_ring(path, clock), half=half) == first


def test_another_share_replaces_what_was_staged(path, clock):
    ring = make_ring(path, clock)
    first, second = stage(ring), stage(ring)
    assert ring["node-1.2"] == derive_keys("node-1", 2, second) != derive_keys("node-1", 2, first)


def test_a_proven_key_is_current_and_the_old_one_still_works(path, clock):
    ring = make_ring(path, clock)
    rotate(ring)
    assert ring.current.keyid == "node-1.2"
    assert set(ring) == {"node-1.1", "node-1.2"}
    ring.prove("node-1.2")
    assert set(ring) == {"node-1.1", "node-1.2"}


@pytest.mark.parametrize("steps", [0, 1, 2, 3])
def test_every_step_is_there_after_a_start(path, clock, steps):
    ring = make_ring(path, clock)
    acts = (lambda: stage(ring), lambda: ring.prove("node-1.2"), lambda: ring.retire("node-1.2"))
    for act in acts[:steps]:
        act()
    again = make_ring(path, clock)
    assert dict(again) == dict(ring)
    assert again.current == ring.current


def test_the_old_key_is_over_after_a_day(path, clock):
    ring = make_ring(path, clock)
    rotate(ring)
    clock.now += OVERLAP - 1
    assert "node-1.1" in ring
    clock.now += 1
    assert set(ring) == set(make_ring(path, clock)) == {"node-1.2"}


def test_a_staged_key_that_nobody_proves_is_over_after_a_day(path, clock):
    half, ring = make_half(), make_ring(path, clock)
    stage(ring, half=half)
    clock.now += OVERLAP
    assert set(ring) == {"node-1.1"}
    stage(ring, half=half)
    assert set(ring) == {"node-1.1", "node-1.2"}


def test_a_retired_key_is_gone_at_once(path, clock):
    ring = make_ring(path, clock)
    rotate(ring)
    ring.retire("node-1.2")
    ring.retire("node-1.2")
    assert set(ring) == set(make_ring(path, clock)) == {"node-1.2"}
    assert SECRET.decode() not in path.read_text()


def test_each_step_belongs_to_the_holder_of_one_key(path, clock):
    ring = make_ring(path, clock)
    with pytest.raises(NotCurrent, match="signing with it"):
        ring.prove("node-1.2")
    stage(ring)
    with pytest.raises(NotCurrent, match="with the current"):
        ring.stage("node-1.2", 3, make_half().share)
    ring.prove("node-1.2")
    for act in (
        lambda: ring.stage("node-1.1", 3, make_half().share),
        lambda: ring.prove("node-1.1"),
        lambda: ring.retire("node-1.1"),
    ):
        with pytest.raises(NotCurrent):
            act()
    assert set(ring) == {"node-1.1", "node-1.2"}


@pytest.mark.parametrize("seq", [0, 1, 1_000_000])
def test_a_key_gets_a_higher_number(path, clock, seq):
    with pytest.raises(NotCurrent, match="number above 1"):
        make_ring(path, clock).stage("node-1.1", seq, make_half().share)


def test_a_bad_share_changes_nothing(path, clock):
    ring = make_ring(path, clock)
    with pytest.raises(BadShare):
        ring.stage("node-1.1", 2, "f" * 512)
    assert set(ring) == {"node-1.1"}


def test_a_new_secret_of_the_enrolment_starts_a_new_ring(path, clock):
    rotate(make_ring(path, clock))
    ring = make_ring(path, clock, OTHER)
    assert dict(ring) == {"node-1.1": derive_keys("node-1", 1, OTHER)}


@pytest.mark.parametrize("text", ["", "{}", '{"seed": 1, "current": {}}', "[]", "null", "\xff"])
def test_a_damaged_ring_stops_the_start_with_the_way_out(path, clock, text):
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(BrokenRing, match=r"damaged: .* a new secret"):
        make_ring(path, clock)


def test_the_file_is_for_the_owner_alone(path, clock):
    stage(make_ring(path, clock))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["staged"]["seq"] == 2


def test_a_full_disk_leaves_the_keys_as_they_were(path, clock):
    ring = make_ring(path / "missing", clock)
    with pytest.raises(OSError, match="No such file"):
        stage(ring)
    assert set(ring) == {"node-1.1"}
