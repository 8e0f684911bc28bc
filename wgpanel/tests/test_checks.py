"""A dangerous configuration does not start, and says the way out."""

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from wgpanel import checks
from wgpanel.tests.test_settings import run

KEY = "A" * 43 + "="


@pytest.fixture(autouse=True)
def _reached_by_loopback_alone(settings):
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]


def ids() -> list[str]:
    return [found.id for found in run_checks() if (found.id or "").startswith("wgpanel.")]


def test_the_default_configuration_has_no_complaint():
    assert ids() == []


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"DEBUG": True, "ALLOWED_HOSTS": ["panel.example"], "HTTPS": True}, ["wgpanel.E001"]),
        ({"ALLOWED_HOSTS": ["*"], "HTTPS": True}, ["wgpanel.E002"]),
        ({"ALLOWED_HOSTS": ["localhost", "*"], "HTTPS": True}, ["wgpanel.E002"]),
        ({"SECRET_KEY": KEY, "WGPANEL_FIELD_KEYS": (KEY,)}, ["wgpanel.E003"]),
        ({"ALLOWED_HOSTS": ["localhost", "panel.example"]}, ["wgpanel.E004"]),
        ({"REDIS_URL": "redis://192.0.2.1:6379/0"}, ["wgpanel.E005"]),
        ({"REDIS_URL": "rediss://user@redis.example/0"}, ["wgpanel.E005"]),
        ({"METRICS_TOKEN": "short"}, ["wgpanel.E006"]),
    ],
)
def test_a_dangerous_setting_is_an_error(settings, wrong, expected):
    for name, value in wrong.items():
        setattr(settings, name, value)
    assert ids() == expected


@pytest.mark.parametrize(
    "right",
    [
        {"DEBUG": True},
        {"ALLOWED_HOSTS": ["panel.example"], "HTTPS": True},
        {"REDIS_URL": ""},
        {"REDIS_URL": "redis://127.0.0.1:6379/0"},
        {"REDIS_URL": "redis://[::1]:6379/0"},
        {"REDIS_URL": "redis://localhost/0"},
        {"REDIS_URL": "redis+socket:///run/valkey.sock"},
        {"REDIS_URL": "redis://:password@192.0.2.1:6379/0"},
        {"METRICS_TOKEN": "0123456789abcdef"},
    ],
)
def test_a_sound_setting_is_no_error(settings, right):
    for name, value in right.items():
        setattr(settings, name, value)
    assert ids() == []


def test_every_complaint_names_a_way_out(settings):
    settings.DEBUG, settings.ALLOWED_HOSTS, settings.METRICS_TOKEN = True, ["*"], "x"
    found = [it for it in run_checks() if (it.id or "").startswith("wgpanel.")]
    assert len(found) == 4
    assert all(it.hint for it in found)


def test_a_command_of_the_panel_does_not_start_with_a_dangerous_setting(settings):
    settings.ALLOWED_HOSTS = ["*"]
    with pytest.raises(SystemCheckError, match="WGPANEL_ALLOWED_HOSTS"):
        call_command("serve", skip_checks=False)


@pytest.mark.parametrize("bind", ["0.0.0.0:8000", "[::]:8000", ":8000", "192.0.2.1:80"])
def test_the_panel_does_not_listen_to_other_hosts_without_https(settings, bind):
    assert "WGPANEL_HTTPS=1" in checks.fault_of_bind(bind)
    settings.HTTPS = True
    assert checks.fault_of_bind(bind) == ""


@pytest.mark.parametrize("bind", ["127.0.0.1:8000", "[::1]:80", "localhost:1", "unix:/run/w.sock"])
def test_the_panel_listens_to_its_own_host(bind):
    assert checks.fault_of_bind(bind) == ""


@pytest.mark.parametrize(
    "words",
    [
        ("-c", "import wgpanel.wsgi"),
        ("-m", "celery", "-A", "wgpanel", "worker", "-c", "1"),
        ("-m", "celery", "-A", "wgpanel", "beat", "-S", "celery.beat:PersistentScheduler"),
        ("manage.py", "run", "web"),
    ],
)
def test_no_way_to_start_a_process_gets_round_the_checks(words, tmp_path):
    if "beat" in words:
        words += ("-s", str(tmp_path / "schedule"))
    finished = run(*words, WGPANEL_ALLOWED_HOSTS="panel.example", WGPANEL_STATE_DIR=str(tmp_path))
    assert finished.returncode != 0
    assert "without HTTPS" in finished.stderr
    assert "WGPANEL_HTTPS=1" in finished.stderr
