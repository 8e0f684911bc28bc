"""Settings: loud about whatever is missing, unknown, weak or open."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from wgpanel_agent.config import CONFIG_VARIABLE, Config, ConfigError, load, setting_names

SECRET = "kX2v7Qm4Zt9Lw1Rb6Ny3Hc8Jd5Gf0PsAAgent"
EXAMPLE = Path(__file__).parents[1] / ".env.example"


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    return make_secret(tmp_path / "secret")


def make_secret(path: Path, text: str = SECRET, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def make_environment(secret_file: Path, **settings: str) -> dict[str, str]:
    values = {"node_id": "node-1", "secret_file": str(secret_file)} | settings
    return {f"WGPANEL_AGENT_{name.upper()}": value for name, value in values.items()}


def load_with(secret_file: Path, **settings: str) -> Config:
    return load(make_environment(secret_file, **settings))


def test_two_settings_are_enough(secret_file: Path) -> None:
    config = load_with(secret_file)
    assert (config.node_id, config.secret) == ("node-1", SECRET.encode())
    assert config.listen == ("127.0.0.1", 8080)


def test_every_setting_is_read(secret_file: Path, tmp_path: Path) -> None:
    token = make_secret(tmp_path / "token", "t0ken-Qm4Zt9Lw1Rb6Ny3Hc8Jd5Gf0Ps\n")
    config = load_with(
        secret_file,
        secret_seq="7",
        listen="[::1]:9000",
        metrics_listen="10.0.0.5:9100",
        metrics_token_file=str(token),
        interfaces="wg0, wg1",
        look_seconds="2.5",
        peer_metrics="hashed",
        legacy_metrics="false",
        allow_routes="true",
    )
    assert config.secret_seq == 7
    assert (config.listen, config.metrics_listen) == (("::1", 9000), ("10.0.0.5", 9100))
    assert config.metrics_token == "t0ken-Qm4Zt9Lw1Rb6Ny3Hc8Jd5Gf0Ps"
    assert config.interfaces == ("wg0", "wg1")
    assert (config.look_seconds, config.peer_metrics) == (2.5, "hashed")
    assert (config.legacy_metrics, config.allow_routes) == (False, True)


def test_the_environment_wins_over_the_file(secret_file: Path, tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text('interfaces = ["wg0", "wg1"]\nlook_seconds = 3\nlegacy_metrics = false\n')
    environment = make_environment(secret_file, look_seconds="4") | {CONFIG_VARIABLE: str(file)}
    config = load(environment)
    assert (config.interfaces, config.look_seconds) == (("wg0", "wg1"), 4)
    assert config.legacy_metrics is False


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("node_id", "a b"),
        ("node_id", "x\n"),
        ("metrics_token_file", "relative"),
        ("secret_seq", "-1"),
        ("secret_seq", "1_0"),
        ("secret_seq", "١"),
        ("listen", "8080"),
        ("listen", "localhost:8080"),
        ("listen", "127.0.0.1:0"),
        ("listen", "127.0.0.1:65536"),
        ("allow_plain_http", "yes"),
        ("interfaces", "wg0,--help"),
        ("interfaces", "all"),
        ("look_seconds", "0"),
        ("look_seconds", "nan"),
        ("look_seconds", "1e9"),
        ("peer_metrics", "on"),
        ("log_level", "loud"),
        ("state_dir", "relative"),
        ("wg_timeout", "5"),
    ],
)
def test_a_bad_value_is_named(name: str, value: str, secret_file: Path) -> None:
    with pytest.raises(ConfigError, match=name):
        load_with(secret_file, **{name: value})


def test_an_empty_value_leaves_the_default(secret_file: Path) -> None:
    assert load_with(secret_file, look_seconds="").look_seconds == 5


def test_a_node_without_id_does_not_start(secret_file: Path) -> None:
    with pytest.raises(ConfigError, match="NODE_ID is missing"):
        load_with(secret_file, node_id="")


@pytest.mark.parametrize("text", ["", "short", "changeme" * 5, "a" * 64, f" {SECRET}"])
def test_a_weak_secret_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="openssl rand -hex 32"):
        load_with(make_secret(tmp_path / "weak", text))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601])
def test_a_secret_that_others_may_read_is_refused(mode: int, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="chmod 600"):
        load_with(make_secret(tmp_path / "open", mode=mode))


def test_a_missing_secret_is_refused_with_a_recipe(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file.*openssl rand -hex 32"):
        load_with(tmp_path / "missing")


def test_a_final_line_feed_is_no_part_of_the_secret(tmp_path: Path) -> None:
    assert load_with(make_secret(tmp_path / "s", SECRET + "\n")).secret == SECRET.encode()


@pytest.mark.parametrize("text", ["x = ", "interfaces = 5", "colour = 1"])
def test_a_bad_file_is_refused(text: str, secret_file: Path, tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(text)
    with pytest.raises(ConfigError):
        load(make_environment(secret_file) | {CONFIG_VARIABLE: str(file)})


def test_a_file_that_is_named_must_exist(secret_file: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        load(make_environment(secret_file) | {CONFIG_VARIABLE: "/nowhere/agent.toml"})


@pytest.mark.parametrize("listen", ["127.0.0.1:8080", "[::1]:8080", "198.18.5.1:8080"])
def test_loopback_and_the_lab_may_speak_plain_http(listen: str, secret_file: Path) -> None:
    assert load_with(secret_file, listen=listen).listen[1] == 8080


@pytest.mark.parametrize(
    "listen", ["0.0.0.0:8080", "[::]:8080", "10.0.0.1:8080", "192.0.2.1:8080", "8.8.8.8:8080"]
)
def test_other_addresses_need_the_switch(listen: str, secret_file: Path) -> None:
    with pytest.raises(ConfigError, match="allow_plain_http"):
        load_with(secret_file, listen=listen)
    assert load_with(secret_file, listen=listen, allow_plain_http="true").allow_plain_http


def test_metrics_may_be_plain_on_a_private_address_only(secret_file: Path) -> None:
    assert load_with(secret_file, metrics_listen="10.0.0.5:9100").metrics_listen
    for public in ("8.8.8.8:9100", "0.0.0.0:9100"):
        with pytest.raises(ConfigError, match="metrics_listen"):
            load_with(secret_file, metrics_listen=public)


def test_a_config_never_shows_its_secrets(secret_file: Path) -> None:
    assert SECRET not in repr(load_with(secret_file))


def test_the_example_names_every_setting_with_its_default(secret_file: Path) -> None:
    told = dict(re.findall(r"^#?(WGPANEL_AGENT_\w+)=(.*)$", EXAMPLE.read_text(), re.M))
    assert set(told) == {*setting_names(), CONFIG_VARIABLE}
    del told[CONFIG_VARIABLE]
    filled = make_environment(secret_file)
    assert load(told | filled) == load(filled)


def run_agent(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {"PATH": os.environ["PATH"]}
    return subprocess.run(
        [sys.executable, "-m", "wgpanel_agent", *words],
        env=kept | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_secret_the_agent_says_one_line_and_fails(tmp_path: Path) -> None:
    done = run_agent("run", **make_environment(tmp_path / "missing"))
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "openssl rand -hex 32" in done.stderr


def test_help_tells_the_commands(tmp_path: Path) -> None:
    done = run_agent("--help")
    assert done.returncode == 0
    for command in ("run", "doctor", "show"):
        assert command in done.stdout
