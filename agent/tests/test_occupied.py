"""What is taken on a node before the agent comes."""

import socket
from pathlib import Path

import pytest
from wgpanel_agent.desired.occupied import (
    refuse_agents_port,
    refuse_foreign,
    refuse_others_port,
    refuse_taken_port,
)
from wgpanel_agent.documents import InvalidDocument, State
from wgpanel_agent.http import HttpError

STATE = State("3f0c8a52-6f0e-4f0a-9f57-0a4d3b7f1c11", 7, "a" * 64)


def test_an_interface_of_another_is_not_managed(tmp_path: Path) -> None:
    with pytest.raises(HttpError) as refused:
        refuse_foreign("lo", tmp_path)
    assert (refused.value.status, refused.value.code) == (409, "not_managed")


def test_a_file_of_another_is_not_managed(tmp_path: Path) -> None:
    (tmp_path / "wg7.conf").write_text("[Interface]\n")
    with pytest.raises(HttpError, match=r"wg7\.conf is not a file of the agent"):
        refuse_foreign("wg7", tmp_path)


def test_a_free_name_and_a_file_of_ours_are_no_obstacle(tmp_path: Path) -> None:
    refuse_foreign("wg7", tmp_path)
    (tmp_path / "wg7.conf").write_text(f"# wgpanel {STATE.epoch}:7:{STATE.hash}\n")
    refuse_foreign("wg7", tmp_path)
    assert (tmp_path / "wg7.conf").exists()


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_port_in_use_is_refused_in_words(family: int) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as holder:
        if family == socket.AF_INET6:
            holder.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        holder.bind(("", 0))
        port = holder.getsockname()[1]
        with pytest.raises(HttpError) as refused:
            refuse_taken_port(port)
    assert refused.value.envelope() == {
        "error": "port_in_use",
        "detail": f"UDP port {port} is in use on this node.",
        "listen_port": port,
    }
    refuse_taken_port(port)


def test_the_port_of_a_sister_interface_is_refused_even_if_that_is_down() -> None:
    with pytest.raises(HttpError, match="UDP port 51820 belongs to wg1"):
        refuse_others_port(51820, {"wg1": 51820})
    refuse_others_port(51821, {"wg1": 51820})


def test_the_agents_own_port_is_refused() -> None:
    with pytest.raises(InvalidDocument, match=r"interface\.listen_port: is the agent's own"):
        refuse_agents_port(8080, (8080,))
    refuse_agents_port(8081, (8080,))
