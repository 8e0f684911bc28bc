"""The panel's settings come from the environment, and a bad value stops the start by name."""

import os
import secrets
import subprocess
import sys
from base64 import b64encode

import pytest

from wgpanel.secret_files import create_missing

SECRETS = {
    "WGPANEL_SECRET_KEY": secrets.token_hex(32),
    "WGPANEL_FIELD_KEY": b64encode(os.urandom(32)).decode(),
}
PRODUCTION = {
    "WGPANEL_HTTPS": "1",
    "WGPANEL_ALLOWED_HOSTS": "panel.example",
    "WGPANEL_TRUSTED_ORIGINS": "https://panel.example",
    "DATABASE_URL": "postgres://wgpanel:pw@127.0.0.1:1/wgpanel",
    "REDIS_URL": "redis://:pw@192.0.2.1:6379/0",
}


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        env={"PATH": os.environ["PATH"], **SECRETS, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def show(expression: str, **environment: str) -> str:
    """Return an expression over a fresh `settings` as text."""
    code = f"from wgpanel import settings; print(({expression}))"
    finished = run("-c", code, **environment)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WGPANEL_DEBUG", "maybe"),
        ("WGPANEL_HTTPS", "ture"),
        ("WGPANEL_PORT", "http"),
        ("WGPANEL_PORT", "0"),
        ("WGPANEL_PORT", "65536"),
        ("WGPANEL_PORT", "-1"),
        ("WGPANEL_PORT", "８０００"),
        ("WGPANEL_PORT", "9" * 5000),
        ("WGPANEL_PLAIN_HTTP_NETWORKS", "10.0.0.0/8,nonsense"),
        ("WGPANEL_PLAIN_HTTP_NETWORKS", "10.0.0.1/8"),
        ("WGPANEL_NODE_NETWORKS", "10.0.0.0/33"),
        ("WGPANEL_ALLOWED_HOSTS", "https://panel.example"),
        ("WGPANEL_ALLOWED_HOSTS", "localhost,panel.example:443"),
        ("WGPANEL_URL_FOR_NODES", "panel.example"),
        ("WGPANEL_URL_FOR_NODES", "https://panel.example/;reboot"),
        ("WGPANEL_CERTIFICATE_FILE", "/dev/null"),
        ("WGPANEL_TRUSTED_PROXIES", "6"),
        ("WGPANEL_KEY_DAYS", "never"),
        ("WGPANEL_KEEP_CLIENT_KEYS", "sometimes"),
        ("WGPANEL_ADDRESS_REST_SECONDS", "-1"),
        ("WGPANEL_POLLS_IN_FLIGHT", "0"),
        ("WGPANEL_POLL_BATCH", "1.5"),
        ("WGPANEL_LOG_LEVEL", "LOUD"),
        ("WGPANEL_SECRET_KEY", "short"),
        ("WGPANEL_FIELD_KEY", "x" * 44),
        ("DATABASE_URL", "mysql://root:pw@db/wgpanel"),
        ("DATABASE_URL", "nonsense"),
        ("DATABASE_URL", "postgres://[::1/x"),
        ("DATABASE_URL", "sqlite://"),
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "http://localhost"),
    ],
)
def test_a_bad_value_stops_the_start_and_is_named(name, value):
    finished = run("-c", "import wgpanel.settings", **{name: value})
    assert finished.returncode != 0
    last = finished.stderr.strip().splitlines()[-1]
    assert "ImproperlyConfigured" in last
    assert name in last


def test_the_password_of_a_database_is_not_shown_when_its_url_is_bad():
    finished = run("-c", "import wgpanel.settings", DATABASE_URL="mysql://root:hunter2@db/wgpanel")
    assert finished.returncode != 0
    assert "hunter2" not in finished.stderr


def test_without_any_variable_but_the_secrets_it_is_sqlite_and_an_embedded_valkey(tmp_path):
    engine = show("settings.DATABASES['default']['ENGINE']", WGPANEL_STATE_DIR=str(tmp_path))
    broker = show("settings.CELERY_BROKER_URL", WGPANEL_STATE_DIR=str(tmp_path))
    assert engine.endswith("sqlite3")
    assert broker == f"redis+socket://{tmp_path}/valkey/valkey.sock"


@pytest.mark.parametrize(
    ("name", "value", "setting"),
    [
        ("DATABASE_URL", "postgres://panel:pw@db/panel", "settings.DATABASES['default']['HOST']"),
        ("REDIS_URL", "redis://:pw@valkey/0", "settings.REDIS_URL.split('@')[1].split('/')[0]"),
        ("WGPANEL_METRICS_TOKEN", "a-token-of-24-characters", "settings.METRICS_TOKEN"),
    ],
)
def test_what_holds_a_password_can_be_in_a_file(tmp_path, name, value, setting):
    file = tmp_path / "secret"
    file.write_text(f"{value}\n")
    told = show(setting, **{f"{name}_FILE": str(file)})
    assert told in ("db", "valkey", "a-token-of-24-characters")


def test_a_secret_of_its_own_wins_over_its_file(tmp_path):
    told = show("settings.METRICS_TOKEN", WGPANEL_METRICS_TOKEN="mine" * 4,
                WGPANEL_METRICS_TOKEN_FILE=str(tmp_path / "missing"))  # fmt: skip
    assert told == "mine" * 4


def test_a_file_that_cannot_be_read_stops_the_start_and_is_named(tmp_path):
    finished = run("manage.py", "check", DATABASE_URL_FILE=str(tmp_path / "missing"))
    assert finished.returncode == 1
    assert "DATABASE_URL_FILE" in finished.stderr
    assert "No such file" in finished.stderr


def test_an_empty_variable_counts_as_not_set():
    empty = dict.fromkeys(("WGPANEL_DEBUG", "WGPANEL_PORT", "WGPANEL_ALLOWED_HOSTS"), "")
    told = show("settings.DEBUG, settings.PORT, settings.ALLOWED_HOSTS", **empty)
    assert told == "(False, 8000, ['localhost', '127.0.0.1', '[::1]'])"


@pytest.mark.parametrize(
    ("name", "value", "setting"),
    [
        ("WGPANEL_ALLOWED_HOSTS", "panel.example,.lab,10.0.0.1,[2001:db8::1],*", "ALLOWED_HOSTS"),
        ("WGPANEL_URL_FOR_NODES", "https://[2001:db8::1]:8443", "WGPANEL_URL_FOR_NODES"),
        ("WGPANEL_URL_FOR_NODES", "http://panel_1.example/wg-panel/", "WGPANEL_URL_FOR_NODES"),
    ],
)
def test_names_and_addresses_of_any_form_are_taken(name, value, setting):
    told = show(f"settings.{setting}", **{name: value})
    assert told in (value.rstrip("/"), str(value.split(",")))


@pytest.mark.parametrize(("text", "value"), [("1", True), ("Yes", True), ("off", False)])
def test_truth_is_spelled_in_several_ways(text, value):
    assert show("settings.HTTPS", WGPANEL_HTTPS=text) == str(value)


def test_a_postgresql_that_is_away_is_given_up_soon():
    told = show("settings.DATABASES['default']['OPTIONS']['connect_timeout']", **PRODUCTION)
    assert int(told) <= 5


def test_a_production_configuration_with_new_keys_passes_djangos_own_deployment_check(tmp_path):
    create_missing(tmp_path)
    keys = {name: (tmp_path / "keys" / name.lower()).read_text().strip() for name in SECRETS}
    finished = run(
        "manage.py", "check", "--deploy", "--fail-level", "WARNING", **{**PRODUCTION, **keys}
    )
    assert finished.returncode == 0, finished.stderr


def test_a_command_says_in_one_line_what_stops_it():
    finished = run("manage.py", "check", WGPANEL_SECRET_KEY="short")
    assert finished.returncode == 1
    assert finished.stderr.startswith("wgpanel: WGPANEL_SECRET_KEY must be at least 32 bytes")
    assert finished.stderr.count("\n") == 1


def test_cookies_are_for_https_alone_where_the_panel_has_it():
    told = show("settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE", **PRODUCTION)
    assert told == "(True, True)"


def test_passwords_are_kept_as_argon2id():
    """The settings of the tests take a faster way."""
    code = (
        "import django; django.setup();"
        "from django.contrib.auth.hashers import make_password; print(make_password('x'))"
    )
    finished = run("-c", code, DJANGO_SETTINGS_MODULE="wgpanel.settings")
    assert finished.stdout.startswith("argon2$argon2id$"), finished.stderr


def test_celery_takes_json_and_nothing_else():
    assert show("settings.CELERY_ACCEPT_CONTENT, settings.CELERY_TASK_SERIALIZER") == (
        "(['json'], 'json')"
    )


def test_under_https_cookies_are_tied_to_this_host():
    told = show("settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME", **PRODUCTION)
    assert told == "('__Host-wgpanel-session', '__Host-wgpanel-csrf')"
