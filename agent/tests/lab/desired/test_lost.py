"""The journal cannot be written, or is damaged, or gone: nobody loses a tunnel over it."""

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from wgpanel_agent.desired.store import FILE


def journal(panel: Any) -> Path:
    return Path(panel.folder, FILE)


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def flip_a_bit_of_a_peer(path: Path) -> None:
    content = bytearray(path.read_bytes())
    place = content.index(b'"allowed_ips":["10.9.')
    content[place + 20] ^= 1
    path.write_bytes(content)


def fill_with_noise(path: Path) -> None:
    path.write_bytes(random.Random(7).randbytes(path.stat().st_size))


def take_away(path: Path) -> None:
    path.unlink()


DAMAGES = (truncate, empty, flip_a_bit_of_a_peer, fill_with_noise, take_away)


@pytest.fixture
async def lost(panel: Any, box: Any, many: Any, request: Any) -> Any:
    """What runs, after the journal was damaged and the agent started again."""
    await panel.agent.files.write("wg0")
    panel.store.close()
    running = box.peers(), box.settings()
    request.param(journal(panel))
    await panel.restart()
    return running


@pytest.mark.parametrize("lost", DAMAGES, indirect=True)
async def test_a_journal_that_cannot_be_believed_is_lost_and_nobody_removed(
    panel: Any, box: Any, lost: Any
) -> None:
    assert (box.peers(), box.settings()) == lost
    told = await panel.look()
    assert (told["condition"], told["epoch"], told["generation"]) == ("lost", None, None)
    assert panel.agent.report().wireguard.interfaces["wg0"].condition == "lost"
    await panel.agent.repairer.repair_all()
    assert (box.peers(), box.settings()) == lost


@pytest.mark.parametrize("lost", [truncate, take_away], indirect=True)
async def test_no_delta_goes_onto_what_is_lost(
    panel: Any, box: Any, lost: Any, make_peer: Any
) -> None:
    status, body = await panel.change(make_peer())
    assert (status, body["error"]) == (412, "precondition_failed")
    assert (body["epoch"], body["generation"], body["hash"]) == (None, None, None)
    status, body = await panel.change(make_peer(), tag='"none"')
    assert status == 412
    assert (box.peers(), box.settings()) == lost


@pytest.mark.parametrize("lost", DAMAGES, indirect=True)
async def test_a_whole_document_heals_it(panel: Any, box: Any, lost: Any, make_peer: Any) -> None:
    status, body = await panel.add(make_peer(), tag='"none"')
    assert (status, body["added"], body["unchanged"]) == (201, 1, 60)
    assert box.settings() == lost[1]
    assert box.peers().keys() == panel.peers.keys()
    assert (await panel.look())["condition"] == "in_sync"
    await panel.restart()
    assert (await panel.look())["condition"] == "in_sync"


@pytest.mark.parametrize("lost", [truncate], indirect=True)
async def test_the_damaged_file_is_kept_for_whoever_wants_to_look(panel: Any, lost: Any) -> None:
    kept = [it.name for it in panel.folder.iterdir() if it.name.startswith(f"{FILE}.broken-")]
    assert kept


@pytest.fixture
def small_disk(box: Any, panel: Any) -> Iterator[Path]:
    """The agent's folder on a file system that has room for little more than it has."""
    panel.store.close()
    box.run("mount", "-t", "tmpfs", "-o", "size=192k", "tmpfs", str(panel.folder))
    panel.start()
    yield panel.folder
    panel.store.close()
    box.run("umount", str(panel.folder))
    panel.start()


def fill(folder: Path) -> Path:
    """With a file that takes what room is left."""
    filling = folder / "filling"
    with filling.open("wb", buffering=0) as file, pytest.raises(OSError, match="space"):
        write_without_end(file)
    return filling


def write_without_end(file: Any) -> None:
    while True:
        file.write(bytes(1024))


async def test_a_full_disk_is_told_and_the_interface_untouched(
    panel: Any, box: Any, small_disk: Path, make_peer: Any
) -> None:
    await panel.agent.sampler.look()
    assert (await panel.add(*(make_peer() for _ in range(20))))[0] == 201
    before, node = box.peers(), panel.node
    filling = fill(small_disk)
    for send, peers in ((panel.add, [make_peer() for _ in range(400)]), (panel.add, [])):
        status, body = await send(*peers)
        assert (status, body["error"]) == (507, "disk_full")
        assert box.peers() == before
    assert panel.store.interface("wg0").state == node
    filling.unlink()
    panel.peers = {key: panel.peers[key] for key in list(panel.peers)[:25]}
    assert (await panel.add(tag=node.etag))[0] == 200
    assert box.peers().keys() == panel.peers.keys()


async def test_a_delta_on_a_full_disk_is_told_too(
    panel: Any, box: Any, small_disk: Path, make_peer: Any
) -> None:
    await panel.agent.sampler.look()
    await panel.add(*(make_peer() for _ in range(20)))
    before = box.peers()
    fill(small_disk)
    status, body = await panel.change(*(make_peer() for _ in range(300)))
    assert (status, body["error"]) == (507, "disk_full")
    assert box.peers() == before
