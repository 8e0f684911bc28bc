"""Supervisor reads what we write, and it names every process of a panel on one host."""

import os
from configparser import ConfigParser

import pytest
from supervisor.options import ServerOptions

from wgpanel import embedded, supervision


def read(path):
    parser = ConfigParser(interpolation=None)
    parser.read(path)
    return parser


@pytest.fixture
def written(tmp_path, settings):
    settings.STATE_DIR = tmp_path
    programs = supervision.programs(bind="127.0.0.1:1", web_workers=2, poll_workers=3)
    return supervision.write(programs, tmp_path)


def test_a_panel_is_web_workers_beat_and_the_embedded_valkey(written):
    sections = read(written).sections()
    polling = [f"worker-poll-{number}" for number in (1, 2, 3)]
    names = ["valkey", "web", *polling, "worker-sync", "worker-maint", "beat"]
    assert sections == ["supervisord", *(f"program:{name}" for name in names)]


def test_an_own_redis_means_no_embedded_one(settings):
    settings.REDIS_URL = "redis://127.0.0.1:6379/0"
    programs = supervision.programs(bind="127.0.0.1:1", web_workers=1, poll_workers=1)
    assert "valkey" not in {program.name for program in programs}


def test_the_broker_starts_first_and_stops_last(written):
    parser = read(written)
    priorities = {s: int(parser[s]["priority"]) for s in parser.sections()[1:]}
    assert min(priorities, key=priorities.get) == "program:valkey"


def test_supervisor_accepts_the_file_even_with_a_percent_sign_in_the_path(tmp_path, settings):
    settings.STATE_DIR = state = tmp_path / "100%"
    programs = supervision.programs(bind="127.0.0.1:1", web_workers=1, poll_workers=1)
    options = ServerOptions()
    options.realize(["-c", str(supervision.write(programs, state)), "--nodaemon"])
    commands = [p.command for group in options.process_group_configs for p in group.process_configs]
    assert any(str(state) in command for command in commands)


def test_counters_of_an_earlier_run_are_gone(tmp_path):
    folder = supervision.metrics_folder(tmp_path)
    folder.mkdir()
    (folder / "counter_1.db").touch()
    supervision.clear_metrics(tmp_path)
    assert list(folder.iterdir()) == []


def test_a_stale_pid_file_is_not_a_running_panel(tmp_path):
    (tmp_path / "supervisord.pid").write_text(str(os.getpid()))
    assert supervision.running_pid(tmp_path) is None


def test_the_socket_moves_to_a_short_path_when_the_state_directory_is_deep(tmp_path):
    deep = tmp_path / ("d" * 120)
    assert len(os.fsencode(embedded.socket_path(deep))) <= embedded.MAX_SOCKET_PATH
    assert embedded.socket_path(deep) != embedded.socket_path(tmp_path / ("e" * 120))


def test_only_the_owner_reaches_the_broker(tmp_path):
    embedded.prepare(tmp_path)
    assert embedded.socket_path(tmp_path).parent.stat().st_mode & 0o077 == 0
