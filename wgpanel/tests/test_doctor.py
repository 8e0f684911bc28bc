"""`manage.py doctor` says what is wrong and what to do, and is silent about what is not."""

import datetime as dt
import io
import json
import subprocess
import time

import pytest
from celery import current_app
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from keyring import backups
from keyring.models import KeyBackup
from nodes.models import Node
from nodes.tests.agents import LiveAgent
from nodes.tests.builders import make_node
from schedule.models import Heartbeat
from wgpanel import diagnosis, embedded, health

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def installation(settings, tmp_path, monkeypatch):
    """One that works, but for a broker, which nothing here starts."""
    settings.STATE_DIR = settings.STATIC_ROOT = tmp_path
    settings.ALLOWED_HOSTS = ["localhost"]
    tmp_path.chmod(0o700)
    (tmp_path / "keys").mkdir(mode=0o700)
    (tmp_path / "staticfiles.json").touch(0o600)
    monkeypatch.setattr(current_app.conf, "broker_url", f"redis+socket://{tmp_path}/no.sock")
    backups.confirm("root")
    for name in health.HEARTBEATS.values():
        Heartbeat.objects.create(name=name, beat_at=timezone.now())
    return tmp_path


def found(name: str) -> diagnosis.Finding:
    return next(finding for finding in diagnosis.examine() if finding.name == name)


def doctor(*options: str) -> tuple[str, int]:
    out = io.StringIO()
    try:
        call_command("doctor", *options, stdout=out)
    except SystemExit as end:
        return out.getvalue(), int(str(end.code))
    return out.getvalue(), 0


def test_all_but_the_broker_is_well_and_the_doctor_says_so():
    told, code = doctor("--json", "--no-nodes")
    findings = json.loads(told)["findings"]
    assert [it["name"] for it in findings if it["status"] != "ok"] == ["broker"]
    assert code == 1


def test_where_nothing_is_wrong_the_exit_status_is_0(monkeypatch):
    checks = tuple(it for it in diagnosis.CHECKS if it is not diagnosis.broker)
    monkeypatch.setattr(diagnosis, "CHECKS", checks)
    told, code = doctor()
    assert code == 0
    assert all(line.startswith("ok ") for line in told.splitlines())


def test_each_node_is_asked_and_who_does_not_answer_is_named(tmp_path):
    with LiveAgent(tmp_path) as agent:
        agent.node(name="alive")
        make_node(name="dead", agent_url="http://127.0.0.1:1")
        make_node(name="off", enabled=False)
        told, _ = doctor()
    lines = {line.split(":")[0]: line for line in told.splitlines()}
    assert "answers, clock" in lines["ok       node alive"]
    assert "wgpanel-agent doctor" in lines["problem  node dead"]
    assert "node off" not in told


def test_nobody_is_asked_when_not_wanted():
    make_node(name="dead", agent_url="http://127.0.0.1:1")
    assert "node dead" not in doctor("--no-nodes")[0]


def test_a_migration_that_is_missing_is_counted():
    applied = MigrationRecorder(connection)
    applied.record_unapplied("schedule", "0001_initial")
    try:
        assert found("migrations").problem == "1 are pending"
    finally:
        applied.record_applied("schedule", "0001_initial")


@pytest.mark.parametrize(("appendonly", "status"), [("yes", "ok"), ("no", "warning")])
def test_a_broker_that_forgets_when_it_restarts_is_a_warning(
    appendonly, status, installation, monkeypatch
):
    embedded.prepare(installation)
    monkeypatch.setattr(current_app.conf, "broker_url", embedded.broker_url(installation))
    words = [*embedded.command(installation), "--appendonly", appendonly]
    with subprocess.Popen(words) as broker:
        deadline = time.monotonic() + 30
        while "does not answer" in found("broker").problem:
            assert time.monotonic() < deadline
        assert found("broker").status == status
        broker.terminate()


def test_a_secret_that_no_key_opens_is_counted(settings):
    make_node()
    settings.WGPANEL_FIELD_KEYS = ("A" * 43 + "=",)
    assert found("field key").problem == "1 secrets do not open"


def test_a_field_key_without_a_confirmed_backup_is_a_warning():
    KeyBackup.objects.all().delete()
    assert found("key backup").status == "warning"
    assert "confirm_key_backup" in found("key backup").advice


def test_a_key_that_others_may_read_is_named(installation):
    (installation / "keys" / "wgpanel_field_key").touch(0o644)
    assert "wgpanel_field_key has mode 644" in found("file modes").problem


def test_a_state_directory_that_others_may_read_is_named_unless_nothing_is_in_it(
    installation, settings
):
    installation.chmod(0o755)
    assert found("file modes").advice == f"chmod go= {installation}"
    settings.STATE_DIR = installation / "empty"
    settings.STATE_DIR.mkdir(mode=0o755)
    assert found("file modes").status == "ok"


def test_a_job_that_stopped_is_named():
    Heartbeat.objects.filter(name="poll").update(beat_at=timezone.now() - dt.timedelta(hours=1))
    assert "last ran 36" in found("poller").problem


def test_the_clock_of_the_panel_is_wrong_when_most_nodes_disagree():
    for skew in (60_000, 61_000, 0):
        Node.objects.filter(pk=make_node().pk).update(clock_skew_ms=skew)
    assert "+60 s" in found("clock").problem


def test_static_files_that_are_missing_are_named(installation):
    (installation / "staticfiles.json").unlink()
    assert found("static files").problem == "not collected"


def test_a_dangerous_setting_is_named(settings):
    settings.ALLOWED_HOSTS = ["panel.example"]
    assert "without HTTPS" in found("configuration").problem


def test_a_database_that_is_away_stops_no_other_check(monkeypatch):
    def away(name):
        raise DatabaseError("away")

    monkeypatch.setattr(Heartbeat, "beat", away)
    assert found("database").problem.startswith("the database does not answer")
    assert found("static files").status == "ok"
