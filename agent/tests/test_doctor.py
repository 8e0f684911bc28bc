"""The doctor names what a machine lacks; each check is asked with what the probes would see."""

from dataclasses import replace
from pathlib import Path

import pytest
from wgpanel_agent.config import Config
from wgpanel_agent.doctor import Finding, Probes, diagnose, probe

CONFIG = Config(node_id="node-1", secret=b"s" * 32, interfaces=("wg0",))
HEALTHY = Probes(
    programs=frozenset({"wg", "wireguard-go"}),
    kernel_module=False,
    capabilities=1 << 12,
    has_tun=True,
    forwarding={"ipv4/ip_forward": True, "ipv6/conf/all/forwarding": True},
    now=1_777_888_800,
    is_synchronised=True,
    config=CONFIG,
)


def problems(**seen: object) -> dict[str, Finding]:
    found = diagnose(replace(HEALTHY, **seen))  # type: ignore[arg-type]
    return {finding.name: finding for finding in found if finding.problem}


def test_a_healthy_machine_lacks_nothing() -> None:
    assert problems() == {}
    assert [str(finding) for finding in diagnose(HEALTHY)][0] == "ok       wg"


@pytest.mark.parametrize(
    ("seen", "name", "advice"),
    [
        ({"programs": frozenset({"wireguard-go"})}, "wg", "apt install wireguard-tools"),
        ({"programs": frozenset({"wg"})}, "wireguard", "apt install wireguard-go"),
        ({"capabilities": 0xFFFF & ~(1 << 12)}, "capability", "CAP_NET_ADMIN"),
        ({"has_tun": False}, "tun", "modprobe tun"),
        ({"now": 0.0}, "clock", "no request can be verified"),
        ({"config_problem": "NODE_ID is missing", "config": None}, "config", "README"),
        ({"port_problem": "127.0.0.1:8080 cannot be had"}, "port", "listen"),
        ({"tls_problem": "cannot use agent.crt"}, "tls", "wgpanel-agent enrol"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_missing_is_named_with_its_remedy(
    seen: dict[str, object], name: str, advice: str
) -> None:
    found = problems(**seen)
    assert list(found) == [name]
    assert advice in str(found[name])
    assert not found[name].is_warning


@pytest.mark.parametrize(
    ("seen", "name", "words"),
    [
        (
            {"forwarding": {"ipv4/ip_forward": False, "ipv6/conf/all/forwarding": True}},
            "forwarding",
            "net.ipv4.ip_forward=1",
        ),
        ({"is_synchronised": False}, "clock", "time service"),
        ({"missing_interfaces": ("wg0",)}, "interfaces", "wg-quick up wg0"),
        ({"config": replace(CONFIG, allow_plain_http=True)}, "tls", "others may listen"),
        ({"config": replace(CONFIG, interfaces=())}, "interfaces", "needs no name"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_may_be_meant_so_is_a_warning(seen: dict[str, object], name: str, words: str) -> None:
    found = problems(**seen)
    assert list(found) == [name]
    assert words in str(found[name])
    assert found[name].is_warning


def test_the_kernel_module_makes_user_space_and_tun_unnecessary() -> None:
    assert problems(programs=frozenset({"wg"}), kernel_module=True, has_tun=False) == {}


def test_the_probes_look_at_this_machine(tmp_path: Path) -> None:
    seen = probe({"WGPANEL_AGENT_NODE_ID": "node-1", "WGPANEL_AGENT_SECRET_FILE": "/nowhere"})
    assert seen.config is None
    assert "/nowhere" in str(seen.config_problem)
    assert seen.now > 1_700_000_000
    assert set(seen.forwarding) == {"ipv4/ip_forward", "ipv6/conf/all/forwarding"}


def test_the_probes_find_a_port_that_is_taken_and_an_interface_that_is_not_there(
    tmp_path: Path,
) -> None:
    import socket

    secret = tmp_path / "secret"
    secret.write_text("kX2v7Qm4Zt9Lw1Rb6Ny3Hc8Jd5Gf0PsAAgent")
    secret.chmod(0o600)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        seen = probe(
            {
                "WGPANEL_AGENT_NODE_ID": "node-1",
                "WGPANEL_AGENT_SECRET_FILE": str(secret),
                "WGPANEL_AGENT_LISTEN": f"127.0.0.1:{taken.getsockname()[1]}",
                "WGPANEL_AGENT_INTERFACES": "lo0,wg-nowhere",
            }
        )
    assert "Address already in use" in str(seen.port_problem)
    assert seen.missing_interfaces == ("lo0", "wg-nowhere")
