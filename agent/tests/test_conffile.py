"""Files in /etc/wireguard: written whole, in time, and never over another's."""

import asyncio
import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from wgpanel_agent.desired.store import Kept
from wgpanel_agent.documents import InterfacePart, PeerPart, State, state_hash
from wgpanel_agent.files import conffile
from wgpanel_agent.files.conffile import ConfFiles, private_key_in, replace_file
from wgpanel_agent.files.serverconf import BadConf, ServerConf, parse

KEY = "4BaULVmixBANbREIkorYceZ4Y5Qe7Pbysp8I6krQL0k="
PEER_KEY = "/Ap3XpSpIW7CKYLWpRXY0OHD8uByjgmOU+YWns/p9lE="
OTHER_PEER_KEY = "J25dJebdR+na7Q72fDo/PyVmsx9a2c3bRpZrrpvu2TM="
EPOCH = "3f0c8a52-6f0e-4f0a-9f57-0a4d3b7f1c11"
PART = InterfacePart(51820, ("10.8.0.1/24",))


@pytest.mark.parametrize(
    "text",
    [
        f"[Interface]\nPrivateKey = {KEY}\n",
        f"# mine\r\n[interface] # x\r\n\tprivatekey={KEY} # secret\r\n",
        f"[Peer]\nPrivateKey = x\n[Interface]\nPostUp = x\nPRIVATEKEY = {KEY}",
    ],
)
def test_the_private_key_is_found_as_wg_quick_would(text: str, tmp_path: Path) -> None:
    file = tmp_path / "wg0.conf"
    file.write_text(text)
    assert private_key_in(file) == KEY


@pytest.mark.parametrize(
    "text",
    ["", f"[Peer]\nPrivateKey = {KEY}\n", f"PrivateKey = {KEY}", "[Interface]\nPrivateKey = x"],
)
def test_anything_else_is_no_key(text: str, tmp_path: Path) -> None:
    file = tmp_path / "wg0.conf"
    file.write_text(text)
    assert private_key_in(file) is None


def test_a_file_that_cannot_be_read_has_no_key(tmp_path: Path) -> None:
    assert private_key_in(tmp_path / "missing.conf") is None
    assert private_key_in(tmp_path) is None


class FakeJournal:
    """One interface, wg0, and whoever is put into `peers`."""

    def __init__(self) -> None:
        self.part = PART
        self.generation = 1
        self.peers: dict[str, PeerPart] = {}
        self.reads = 0

    def put(self, key: str, **fields: Any) -> None:
        self.peers[key] = PeerPart(key, **{"allowed_ips": ("10.8.0.2/32",), **fields})
        self.generation += 1

    def whole(self, name: str) -> tuple[Kept, Mapping[str, PeerPart]] | None:
        self.reads += 1
        if name != "wg0":
            return None
        state = State(EPOCH, self.generation, state_hash(self.part, self.peers.values()))
        return Kept(name, state, self.part, KEY), self.peers


@pytest.fixture
def journal() -> FakeJournal:
    return FakeJournal()


@pytest.fixture
def files(journal: FakeJournal, tmp_path: Path) -> ConfFiles:
    return ConfFiles(journal, tmp_path, delay=0.05, clock=lambda: 100.0)


def written(tmp_path: Path) -> ServerConf:
    return parse((tmp_path / "wg0.conf").read_text())


async def until(condition: Any) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")


async def test_the_file_says_what_the_journal_says(
    journal: FakeJournal, files: ConfFiles, tmp_path: Path
) -> None:
    journal.put(PEER_KEY)
    await files.write("wg0")
    conf = written(tmp_path)
    assert conf.state is not None
    assert (conf.state.generation, conf.private_key) == (2, KEY)
    assert list(conf.peers) == list(journal.peers.values())


async def test_only_root_can_read_it_and_nothing_is_left_beside(
    files: ConfFiles, tmp_path: Path
) -> None:
    await files.write("wg0")
    assert stat.S_IMODE((tmp_path / "wg0.conf").stat().st_mode) == 0o600
    assert [it.name for it in tmp_path.iterdir()] == ["wg0.conf"]


async def test_many_changes_are_one_write(
    journal: FakeJournal, files: ConfFiles, tmp_path: Path
) -> None:
    for _ in range(100):
        journal.put(PEER_KEY)
        files.changed("wg0")
    await until((tmp_path / "wg0.conf").exists)
    await files.flush()
    assert journal.reads == 1


async def test_what_is_due_is_written_at_the_end(journal: FakeJournal, tmp_path: Path) -> None:
    files = ConfFiles(journal, tmp_path, delay=3600)
    files.changed("wg0")
    await files.flush()
    assert written(tmp_path).listen_port == 51820


async def test_a_peer_leaves_the_file_when_its_time_is_up(
    journal: FakeJournal, tmp_path: Path
) -> None:
    now = [100.0]
    files = ConfFiles(journal, tmp_path, delay=0.01, clock=lambda: now[0])
    journal.put(PEER_KEY, expires_at=101)
    journal.put(OTHER_PEER_KEY, allowed_ips=("10.8.0.3/32",))
    await files.write("wg0")
    assert len(written(tmp_path).peers) == 2
    now[0] = 101.0
    await until(lambda: len(written(tmp_path).peers) == 1)
    await files.flush()
    assert written(tmp_path).peers[0].public_key == OTHER_PEER_KEY


async def test_an_operators_file_is_kept_before_ours_takes_its_place(
    files: ConfFiles, tmp_path: Path
) -> None:
    (tmp_path / "wg0.conf").write_text("[Interface]\n# mine\n")
    await files.write("wg0")
    await files.write("wg0")
    assert (tmp_path / "wg0.conf.before-wgpanel").read_text() == "[Interface]\n# mine\n"
    (tmp_path / "wg0.conf").write_text("# mine again\n")
    await files.write("wg0")
    assert (tmp_path / "wg0.conf.before-wgpanel.2").read_text() == "# mine again\n"
    assert (tmp_path / "wg0.conf.before-wgpanel").read_text() == "[Interface]\n# mine\n"


async def test_other_files_are_left_alone(files: ConfFiles, tmp_path: Path) -> None:
    (tmp_path / "wg1.conf").write_text("other")
    await files.write("wg1")
    await files.write("wg0")
    await files.remove("wg1")
    assert (tmp_path / "wg1.conf").read_text() == "other"


async def test_the_nftables_file_comes_and_goes_with_the_option(
    journal: FakeJournal, files: ConfFiles, tmp_path: Path
) -> None:
    journal.part = InterfacePart(51820, ("10.8.0.1/24",), masquerade=True)
    await files.write("wg0")
    table = tmp_path / "wg0.wgpanel.nft"
    assert "masquerade" in table.read_text()
    assert str(table) in written(tmp_path).hooks[0]
    journal.part = PART
    await files.write("wg0")
    assert not table.exists()


async def test_a_removed_interface_keeps_its_file_under_another_name(
    files: ConfFiles, tmp_path: Path
) -> None:
    await files.write("wg0")
    text = (tmp_path / "wg0.conf").read_text()
    await files.remove("wg0")
    assert [it.name for it in tmp_path.iterdir()] == ["wg0.conf.removed-100"]
    assert (tmp_path / "wg0.conf.removed-100").read_text() == text


def fail(error: int) -> Any:
    def act(*_: object, **__: object) -> None:
        raise OSError(error, os.strerror(error))

    return act


async def test_a_full_disk_leaves_the_old_file_whole(
    journal: FakeJournal, files: ConfFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await files.write("wg0")
    before = (tmp_path / "wg0.conf").read_text()
    journal.put(PEER_KEY)
    monkeypatch.setattr(os, "fsync", fail(errno.ENOSPC))
    with pytest.raises(OSError, match="No space left"):
        await files.write("wg0")
    assert (tmp_path / "wg0.conf").read_text() == before
    assert [it.name for it in tmp_path.iterdir()] == ["wg0.conf"]


async def test_what_could_not_be_written_is_tried_again(
    files: ConfFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    monkeypatch.setattr(conffile, "RETRY", 0.05)
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fail(errno.EIO))
        files.changed("wg0")
        await until(lambda: "Input/output error" in caplog.text)
    await until((tmp_path / "wg0.conf").exists)
    assert KEY not in caplog.text


async def test_a_file_that_would_say_something_else_is_not_written(
    journal: FakeJournal, files: ConfFiles, tmp_path: Path
) -> None:
    journal.put(PEER_KEY, preshared_key=f"{KEY}\nPostUp = touch pwned")
    with pytest.raises(BadConf):
        await files.write("wg0")
    assert not list(tmp_path.iterdir())


async def test_what_was_written_before_does_not_vouch_for_what_comes_later(
    journal: FakeJournal, files: ConfFiles, tmp_path: Path
) -> None:
    journal.put(PEER_KEY)
    await files.write("wg0")
    journal.put(OTHER_PEER_KEY, preshared_key=f"{KEY}\nPostUp = touch pwned")
    with pytest.raises(BadConf):
        await files.write("wg0")
    assert [peer.public_key for peer in written(tmp_path).peers] == [PEER_KEY]


def test_a_file_takes_the_place_of_a_link_and_not_what_it_leads_to(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("another's")
    (tmp_path / "wg0.conf").symlink_to(elsewhere)
    replace_file(tmp_path / "wg0.conf", "ours")
    assert elsewhere.read_text() == "another's"
    assert not (tmp_path / "wg0.conf").is_symlink()
