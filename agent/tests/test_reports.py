"""The status report: what the agent renders is what the panel parses, and nothing else passes."""

import json
import math
from typing import Any

import pytest
from wgpanel_agent.documents import InvalidDocument, StatusReport
from wgpanel_agent.reporting.reports import (
    Disk,
    InterfaceReport,
    Memory,
    Network,
    SystemReport,
    WireGuardReport,
)

KEY = "/Ap3XpSpIW7CKYLWpRXY0OHD8uByjgmOU+YWns/p9lE="


def make_report(**fields: Any) -> StatusReport:
    interfaces = {
        "wg0": InterfaceReport("up", KEY, 51820, 42, 38, 4294967301, 7, managed=True),
        "wg.home": InterfaceReport("up", KEY, 51821, 5, 5, managed=False),
    }
    defaults: dict[str, Any] = {
        "status": "ok",
        "timestamp": 1767225600,
        "uptime": 86400,
        "version": "1.0.0",
        "boot_id": "c1543e05-f228-498b-8fe0-76d21bd97bdf",
        "protocol": 1,
        "system": SystemReport(
            12.5, (0.1, 0.2, 0.3), Memory(8, 4, 50.0, 4), Disk(10, 2, 8, 20.0), Network(1, 2, 3, 4)
        ),
        "wireguard": WireGuardReport(interfaces, 1.25),
    }
    return StatusReport(**defaults | fields)


def make_json(**fields: Any) -> dict[str, Any]:
    return dict(json.loads(json.dumps(make_report().as_json()))) | fields


def test_a_report_survives_the_wire() -> None:
    assert StatusReport.parse(make_json()) == make_report()


def test_the_names_of_the_contract_are_all_there() -> None:
    told = make_json()
    assert set(told) == {
        *("status", "timestamp", "uptime", "version", "boot_id", "protocol", "system", "wireguard")
    }
    assert set(told["system"]) == {"cpu_percent", "load", "memory", "disk", "network"}
    assert set(told["system"]["memory"]) == {"total", "available", "percent", "used"}
    assert set(told["system"]["disk"]) == {"total", "used", "free", "percent"}
    assert set(told["system"]["network"]) == {
        *("bytes_sent", "bytes_recv", "packets_sent", "packets_recv")
    }
    assert told["wireguard"]["interface_count"] == 2
    assert set(told["wireguard"]["interfaces"]["wg0"]) == {
        *("status", "public_key", "listen_port", "peer_count", "active_peers", "managed"),
        *("total_rx_bytes", "total_tx_bytes", "epoch", "generation", "hash", "condition", "drift"),
    }


def test_active_peers_are_those_of_managed_interfaces() -> None:
    assert make_report().active_peers == 38


def test_the_typed_columns_come_from_the_report() -> None:
    report = make_report()
    assert (report.cpu_percent, report.memory_percent, report.disk_percent) == (12.5, 50.0, 20.0)


def test_what_a_node_cannot_measure_is_none() -> None:
    report = StatusReport.parse(make_json(system={"cpu_percent": None}))
    assert (report.cpu_percent, report.memory_percent, report.disk_percent) == (None, None, None)


def test_what_a_newer_agent_adds_is_left_alone() -> None:
    assert StatusReport.parse(make_json(colour="blue")) == make_report()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "fine"),
        ("timestamp", -1),
        ("timestamp", 2**63),
        ("uptime", "1"),
        ("uptime", True),
        ("version", "1.0\n"),
        ("version", "1" * 65),
        ("boot_id", None),
        ("protocol", 1.0),
        ("system", []),
        ("system", {"cpu_percent": 101}),
        ("system", {"cpu_percent": math.nan}),
        ("system", {"cpu_percent": "12"}),
        ("system", {"load": [1, 2]}),
        ("system", {"memory": {"total": 1}}),
        ("wireguard", None),
        ("wireguard", {"interfaces": []}),
        ("wireguard", {"interfaces": {"a b": {}}}),
        ("wireguard", {"interfaces": {"w" * 16: {}}}),
        ("wireguard", {"interfaces": {"wg0": {"status": "fine"}}}),
        ("wireguard", {"interfaces": {str(i): {"status": "down"} for i in range(257)}}),
    ],
)
def test_a_report_out_of_bounds_is_refused_with_its_field(field: str, value: object) -> None:
    with pytest.raises(InvalidDocument) as refusal:
        StatusReport.parse(make_json(**{field: value}))
    assert refusal.value.field.startswith(field)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", ["up"]),
        ("public_key", "A" * 43 + "="),
        ("listen_port", 0),
        ("listen_port", 51820.0),
        ("peer_count", None),
        ("active_peers", True),
        ("total_rx_bytes", 2**63),
        ("total_tx_bytes", -1),
        ("generation", 1.0),
        ("drift", "0"),
        ("hash", "a\n"),
        ("hash", "\xe4"),
        ("condition", "c" * 65),
        ("condition", 1),
        ("managed", 1),
        ("managed", None),
    ],
)
def test_an_interface_out_of_bounds_is_refused_with_its_field(field: str, value: object) -> None:
    told = make_json()
    told["wireguard"]["interfaces"]["wg0"][field] = value
    with pytest.raises(InvalidDocument) as refusal:
        StatusReport.parse(told)
    assert refusal.value.field == f"wireguard.interfaces.wg0.{field}"


def test_an_interface_without_a_desired_state_leaves_out_what_it_has_not() -> None:
    counts = {"peer_count": 3, "active_peers": 2, "total_rx_bytes": 1, "total_tx_bytes": 0}
    report = InterfaceReport.parse({"status": "down", **counts})
    assert report == InterfaceReport("down", None, None, 3, 2, 1, 0, managed=False)


@pytest.mark.parametrize("average", [math.inf, math.nan, -0.1, True, "1", None])
def test_a_load_that_is_no_number_is_refused(average: object) -> None:
    with pytest.raises(InvalidDocument, match="load"):
        SystemReport.parse({"load": [0.1, 0.2, average]})


def test_a_whole_number_of_percent_is_read_as_a_fraction() -> None:
    cpu_percent = SystemReport.parse({"cpu_percent": 12}).cpu_percent
    assert (cpu_percent, type(cpu_percent)) == (12.0, float)


@pytest.mark.parametrize("missing", ["status", "timestamp", "version", "system", "wireguard"])
def test_a_report_lacks_nothing_essential(missing: str) -> None:
    told = make_json()
    del told[missing]
    with pytest.raises(InvalidDocument, match=missing):
        StatusReport.parse(told)


@pytest.mark.parametrize("data", [None, [], "report", 1])
def test_a_report_of_another_type_is_refused(data: object) -> None:
    with pytest.raises(InvalidDocument, match="report"):
        StatusReport.parse(data)
