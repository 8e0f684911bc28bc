"""Forwarding is switched on where it is asked for, and router advertisements go on."""

from pathlib import Path

import pytest
from wgpanel_agent.documents import InterfacePart
from wgpanel_agent.host import forwarding
from wgpanel_agent.host.commands import CommandFailed

BOTH = InterfacePart(51820, ("10.8.0.1/24", "fd00::1/64"), forward=True)
IPV4_ONLY = InterfacePart(51820, ("10.8.0.1/24",), forward=True)


@pytest.fixture
def net(tmp_path: Path) -> Path:
    """A /proc/sys/net where nothing is forwarded; eth0 gets its routes by advertisement."""
    values = {
        forwarding.IPV4: "0",
        forwarding.IPV6: "0",
        "ipv6/conf/eth0/accept_ra": "1",
        "ipv6/conf/eth1/accept_ra": "0",
    }
    for name, value in values.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{value}\n")
    return tmp_path


def read(net: Path, *names: str) -> list[str]:
    return [(net / name).read_text().strip() for name in names]


def test_both_families_are_switched_on(net: Path) -> None:
    forwarding.switch_on(BOTH, net)
    assert read(net, forwarding.IPV4, forwarding.IPV6) == ["1", "1"]


def test_advertisements_are_accepted_where_they_were(net: Path) -> None:
    forwarding.switch_on(BOTH, net)
    accept_ra = ("ipv6/conf/eth0/accept_ra", "ipv6/conf/eth1/accept_ra")
    assert read(net, *accept_ra) == ["2", "0"]


def test_a_family_that_the_interface_lacks_is_left_alone(net: Path) -> None:
    forwarding.switch_on(IPV4_ONLY, net)
    assert read(net, forwarding.IPV6, "ipv6/conf/eth0/accept_ra") == ["0", "1"]


def test_nothing_is_ever_switched_off(net: Path) -> None:
    (net / forwarding.IPV4).write_text("1\n")
    forwarding.switch_on(InterfacePart(51820, ("10.8.0.1/24",)), net)
    assert read(net, forwarding.IPV4) == ["1"]


def test_a_system_that_does_not_let_us_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="forwarding cannot be switched on: No such file"):
        forwarding.switch_on(IPV4_ONLY, tmp_path)


def test_what_wg_quick_runs_at_a_boot_has_no_comment_sign_and_no_placeholder() -> None:
    for hook in forwarding.hooks(BOTH):
        assert "#" not in hook
        assert "%" not in hook
        assert hook.endswith(" || true")
