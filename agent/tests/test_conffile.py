"""Reading one line of an operator's file."""

from pathlib import Path

import pytest
from wgpanel_agent.conffile import private_key_in

KEY = "4BaULVmixBANbREIkorYceZ4Y5Qe7Pbysp8I6krQL0k="


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
