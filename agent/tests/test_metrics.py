"""The exposition: parsed by Prometheus' own tool and by a client library, not by eye."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from wgpanel_agent.desired.drift import Item
from wgpanel_agent.documents import State
from wgpanel_agent.host.system import Machine
from wgpanel_agent.host.wireguard import Peer, Running, WireGuard
from wgpanel_agent.http import Counters
from wgpanel_agent.reporting.metrics import CONTENT_TYPE, Metrics, escape, family
from wgpanel_agent.reporting.reports import Disk, Memory, SystemReport
from wgpanel_agent.reporting.snapshot import Pace, Sampler
from wgpanel_agent.reporting.states import Conformity, InterfaceState

NAMES = json.loads((Path(__file__).parent / "cases" / "label-names.json").read_text())
KEYS = (Path(__file__).parent / "cases" / "public-keys.txt").read_text().splitlines()[:3]
NEVER, OLD, LIVE = KEYS
NOW = 1_777_888_800  # 2026-05-04T10:00:00Z
OLD_HANDSHAKE = 1_777_881_600  # two hours before


async def make_metrics(
    *interfaces: str, peer_metrics: str = "full", legacy: bool = False
) -> Metrics:
    sampler = Sampler(WireGuard(lambda *_: ""), Machine(), (), Pace())
    sampler.system = SystemReport(12.5, (0.1, 0.2, 0.3), Memory(8, 4, 50.0, 4), Disk(9, 2, 7, 22.2))
    for name in interfaces or ("wg0",):
        state = sampler.interfaces[name] = InterfaceState(name, is_managed=True)
        peers = {
            NEVER: Peer(NEVER, None, "192.0.2.7:5", "10.0.0.2/32", None, 0, 0, None),
            OLD: Peer(OLD, None, None, "10.0.0.3/32", OLD_HANDSHAKE, 4294967301, 2**53, 25),
            LIVE: Peer(LIVE, "print", None, "10.0.0.4/32", NOW - 40, 1, 2, None),
        }
        await state.absorb(Running(name, OLD, 51820, None, peers), 1.0, NOW - 180)
    counters = Counters()
    counters.requests["/v1/status", 200] += 3
    counters.auth_failures["replay"] += 2
    metrics = Metrics(sampler, counters, peer_metrics=peer_metrics, legacy=legacy)
    metrics.apply_seconds.observe(0.02)
    await metrics.render_peers()
    return metrics


def samples_of(text: bytes, name: str) -> dict[tuple[str, ...], float]:
    return {
        tuple(sample.labels.values()): sample.value
        for found in text_string_to_metric_families(text.decode())
        for sample in found.samples
        if sample.name == name
    }


def promtool(text: bytes) -> subprocess.CompletedProcess[bytes]:
    if not shutil.which("promtool") and os.environ.get("CI") != "true":
        pytest.skip("promtool is not installed")
    return subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, check=False
    )


@pytest.mark.parametrize("peer_metrics", ["off", "hashed", "full"])
async def test_promtool_finds_nothing_to_say(peer_metrics: str) -> None:
    checked = promtool((await make_metrics(peer_metrics=peer_metrics)).render())
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


async def test_with_legacy_names_everything_still_parses() -> None:
    text = (await make_metrics(legacy=True)).render()
    assert samples_of(text, "wgdashboard_agent_cpu_percent") == {(): 12.5}
    assert samples_of(text, "wireguard_peers_total") == {("wg0",): 3}
    assert samples_of(text, "wireguard_peers_active") == {("wg0",): 1}
    complaints = promtool(text).stdout + promtool(text).stderr
    assert all(b"wireguard_peers_total" in line for line in complaints.splitlines())


async def test_legacy_names_can_be_switched_off() -> None:
    text = (await make_metrics(legacy=False)).render()
    assert b"wgdashboard" not in text
    assert b"wireguard_peers_total" not in text


@pytest.mark.parametrize("legacy", [True, False])
async def test_every_family_stands_once_with_help_and_type(legacy: bool) -> None:
    text = (await make_metrics("wg0", "wg1", legacy=legacy)).render().decode()
    helped, typed = (
        re.findall(r"^# HELP (\S+)", text, re.M),
        re.findall(r"^# TYPE (\S+)", text, re.M),
    )
    assert helped == typed
    assert len(set(typed)) == len(typed)


async def test_the_names_of_the_contract_are_all_there() -> None:
    text = (await make_metrics()).render().decode()
    for name in (
        *("info", "cpu_percent", "memory_used_bytes", "memory_percent", "disk_used_bytes"),
        *("disk_percent", "requests_total", "auth_failures_total", "apply_seconds"),
        "snapshot_age_seconds",
    ):
        assert f"# TYPE wgpanel_agent_{name} " in text
    for name in (
        *("interfaces", "interface_up", "peers", "peers_active", "interface_receive_bytes_total"),
        *("interface_transmit_bytes_total", "peer_receive_bytes_total"),
        *("peer_transmit_bytes_total", "peer_last_handshake_timestamp_seconds"),
    ):
        assert f"# TYPE wireguard_{name} " in text


async def test_generations_and_differences_of_what_is_desired_are_told() -> None:
    metrics = await make_metrics("wg0", "wg1")
    drift = (Item("missing", OLD), Item("unknown", LIVE))
    state = State("6f2f9f9c-9a5d-4bb1-8a2e-0c1f8b9d7e66", 8, "0" * 64)
    conformity = Conformity(state, "drifted", drift, applied=7)
    metrics._sampler.interfaces["wg0"].conformity = conformity
    text = metrics.render()
    generations = samples_of(text, "wireguard_interface_generation")
    assert generations == {("wg0", "desired"): 8, ("wg0", "applied"): 7}
    assert samples_of(text, "wireguard_interface_drift_items") == {("wg0",): 2}
    assert promtool(text).returncode == 0


async def test_what_is_lost_has_no_generation() -> None:
    metrics = await make_metrics("wg0")
    metrics._sampler.interfaces["wg0"].conformity = Conformity(None, "lost")
    text = metrics.render()
    assert samples_of(text, "wireguard_interface_generation") == {}
    assert samples_of(text, "wireguard_interface_drift_items") == {("wg0",): 0}


async def test_a_counter_ends_in_total_and_nothing_else_does() -> None:
    text = (await make_metrics()).render().decode()
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)", text, re.M):
        assert (kind == "counter") == name.endswith("_total")


async def test_a_peer_that_never_shook_hands_has_no_time() -> None:
    text = (await make_metrics()).render()
    handshakes = samples_of(text, "wireguard_peer_last_handshake_timestamp_seconds")
    assert handshakes == {("wg0", OLD): OLD_HANDSHAKE, ("wg0", LIVE): NOW - 40}
    assert len(samples_of(text, "wireguard_peer_receive_bytes_total")) == 3


async def test_large_counters_are_printed_in_full() -> None:
    text = (await make_metrics()).render()
    line = f'wireguard_peer_receive_bytes_total{{interface="wg0",peer="{OLD}"}} 4294967301\n'
    assert line.encode() in text
    total = 'wireguard_interface_transmit_bytes_total{interface="wg0"} 9007199254740994\n'
    assert total.encode() in text


async def test_peers_are_off_unless_wanted() -> None:
    text = (await make_metrics(peer_metrics="off")).render()
    assert b"wireguard_peer_" not in text
    assert KEYS[0].encode() not in text


async def test_hashed_peers_are_told_apart_without_their_keys() -> None:
    text = (await make_metrics(peer_metrics="hashed")).render()
    assert not any(key.encode() in text for key in KEYS)
    labels = {labels[1] for labels in samples_of(text, "wireguard_peer_receive_bytes_total")}
    assert len(labels) == 3
    assert all(re.fullmatch("[0-9a-f]{32}", label) for label in labels)


async def test_no_label_tells_an_address_an_endpoint_or_a_secret() -> None:
    text = (await make_metrics()).render()
    for secret in (b"192.0.2.7", b"10.0.0.", b"print"):
        assert secret not in text


@pytest.mark.parametrize("case", NAMES, ids=lambda case: repr(case["name"]))
def test_a_label_is_escaped_and_decodes_to_itself(case: dict[str, str]) -> None:
    assert escape(case["name"]) == case["label"]
    text = family("x", "gauge", "About x.", [({"name": case["name"]}, 1)])
    assert list(samples_of(text.encode(), "x")) == [(case["name"],)]


async def test_a_strange_interface_name_breaks_no_other_sample() -> None:
    names = [case["name"] for case in NAMES]
    text = (await make_metrics(*names)).render()
    assert set(samples_of(text, "wireguard_peers")) == {(name,) for name in names}
    assert promtool(text).returncode == 0


async def test_what_is_not_known_is_absent() -> None:
    metrics = await make_metrics()
    metrics._sampler.system = SystemReport()
    text = metrics.render()
    assert b"wgpanel_agent_cpu_percent" not in text
    assert b"None" not in text


async def test_counters_of_the_edge_are_told() -> None:
    text = (await make_metrics()).render()
    assert samples_of(text, "wgpanel_agent_requests_total") == {("/v1/status", "200"): 3}
    assert samples_of(text, "wgpanel_agent_auth_failures_total") == {("replay",): 2}
    assert samples_of(text, "wgpanel_agent_apply_seconds_count") == {(): 1}


def test_the_content_type_names_the_charset() -> None:
    assert CONTENT_TYPE.endswith("charset=utf-8")
