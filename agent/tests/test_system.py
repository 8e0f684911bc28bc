"""What the machine says of itself, on the machine at hand and on made-up control groups."""

from pathlib import Path

import pytest
from wgpanel_agent.host.system import Cgroup, CpuMeter, Machine, boot_id, links
from wgpanel_agent.reporting.reports import SystemReport

MIB = 2**20


def make_cgroup(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return folder


def test_the_machine_measures_everything_within_the_contract() -> None:
    report = Machine().report(12.5)
    assert (
        SystemReport.parse(
            {
                "cpu_percent": report.cpu_percent,
                "load": report.load,
                "memory": report.memory._asdict(),
                "disk": report.disk._asdict(),
                "network": report.network._asdict(),
            }
        )
        == report
    )


def test_the_first_reading_of_the_cpu_is_unknown() -> None:
    meter = CpuMeter(None)
    assert meter.read() is None
    assert meter.read() is not None


def test_what_cannot_be_measured_is_none() -> None:
    report = Machine(disk="/nowhere").report(None)
    assert (report.cpu_percent, report.disk) == (None, None)
    assert report.memory is not None


def test_loopback_is_a_link_with_its_prefix() -> None:
    assert links(["lo", "nowhere"])["lo"].addresses[0] == "127.0.0.1/8"
    assert "nowhere" not in links(["lo", "nowhere"])


def test_the_boot_id_stays_the_same() -> None:
    assert boot_id() == boot_id()
    assert len(boot_id()) == 36


def test_the_memory_of_a_container_is_its_limit(tmp_path: Path) -> None:
    make_cgroup(
        tmp_path,
        memory_max=f"{64 * MIB}\n",
        memory_current=f"{48 * MIB}\n",
        memory_stat=f"anon 1\ninactive_file {16 * MIB}\n",
    )
    memory = Machine(cgroup_root=tmp_path).report(None).memory
    assert memory is not None
    assert (memory.total, memory.used, memory.percent) == (64 * MIB, 32 * MIB, 50.0)
    assert memory.available == 32 * MIB


def test_without_a_limit_the_memory_is_the_hosts(tmp_path: Path) -> None:
    make_cgroup(tmp_path, memory_max="max\n", memory_current="1\n")
    memory = Machine(cgroup_root=tmp_path).report(None).memory
    assert memory is not None
    assert memory.total > 64 * MIB


def test_with_the_hosts_proc_named_limits_are_left_aside(tmp_path: Path) -> None:
    make_cgroup(tmp_path, memory_max=f"{64 * MIB}\n", memory_current="1\n")
    proc = tmp_path / "proc"
    proc.mkdir()
    for name in ("meminfo", "stat"):
        (proc / name).write_text(Path("/proc", name).read_text())
    try:
        memory = Machine(proc=str(proc), cgroup_root=tmp_path).report(None).memory
    finally:
        Machine()
    assert memory is not None
    assert memory.total > 64 * MIB


def test_the_cpu_of_a_container_is_its_quota(tmp_path: Path) -> None:
    """Half a CPU; in 10 s it used 2.5 s of it: half of what it may."""
    now = iter((100.0, 110.0, 120.0))
    meter = CpuMeter(Cgroup(tmp_path), clock=lambda: next(now))
    make_cgroup(tmp_path, cpu_max="50000 100000\n", cpu_stat="usage_usec 1000000\nuser_usec 1\n")
    assert meter.read() is None
    make_cgroup(tmp_path, cpu_stat="usage_usec 3500000\n")
    assert meter.read() == 50.0
    make_cgroup(tmp_path, cpu_stat="usage_usec 93500000\n")
    assert meter.read() == 100.0


@pytest.mark.parametrize("text", ["max 100000\n", ""])
def test_without_a_quota_the_cpu_is_the_hosts(text: str, tmp_path: Path) -> None:
    make_cgroup(tmp_path, cpu_max=text, cpu_stat="usage_usec 1\n")
    assert Cgroup(tmp_path).cpus() is None


def test_a_host_without_control_groups_has_no_limits(tmp_path: Path) -> None:
    cgroup = Cgroup(tmp_path / "nowhere")
    assert (cgroup.memory_limit(), cgroup.cpus(), cgroup.cpu_seconds()) == (None, None, None)
