"""Prometheus' own tool on what it is given, and dashboards that Grafana can show."""

import re
import subprocess

import jsonschema
import pytest
import yaml

from deploy import prometheus
from deploy.prometheus import DOCKER, RULES, dashboards
from deploy.tests import grafana

BOARDS = [pytest.param(board, id=board["uid"]) for board in dashboards()]


def promtool(*words: object) -> subprocess.CompletedProcess[str]:
    command = ["promtool", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_promtool_accepts_the_configuration_and_the_rules(tmp_path):
    for name in ("metrics_token", "targets_token"):
        (tmp_path / name).write_text("x")
    file = tmp_path / "prometheus.yml"
    text = prometheus.CONFIGURATION.read_text().replace("/run/secrets/", f"{tmp_path}/")
    file.write_text(text.replace("rules.yml", str(RULES)))
    told = promtool("check", "config", file)
    assert told.returncode == 0, told.stderr
    assert "SUCCESS" in told.stdout


def test_alerts_fire_and_keep_silent_as_they_should():
    told = promtool("test", "rules", RULES.with_name("rules_test.yml"))
    assert told.returncode == 0, told.stderr + told.stdout


def test_every_alert_says_how_urgent_it_is_and_what_is_wrong():
    alerts = list(prometheus.alerts())
    assert len({alert["alert"] for alert in alerts}) == len(alerts) >= 10
    for alert in alerts:
        assert alert["labels"]["severity"] in ("page", "ticket")
        assert alert["annotations"]["summary"]


@pytest.mark.parametrize("board", BOARDS)
def test_a_dashboard_names_the_provisioned_source_and_each_panel_once(board):
    (source,) = yaml.safe_load(
        (DOCKER / "grafana/provisioning/datasources/prometheus.yml").read_text()
    )["datasources"]
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) > 10
    for panel in panels:
        assert panel["type"] == "row" or panel["datasource"]["uid"] == source["uid"]
        assert panel["type"] == "row" or panel["targets"]


@pytest.mark.parametrize("board", BOARDS)
def test_no_panel_of_a_dashboard_covers_another(board):
    taken = [
        (x, y)
        for panel in board["panels"]
        for at in [panel["gridPos"]]
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24


def test_dashboards_have_names_of_their_own():
    assert len({board["uid"] for board in dashboards()}) == len(list(dashboards())) == 2


@pytest.mark.parametrize("board", BOARDS)
def test_a_dashboard_is_what_grafana_reads(board):
    jsonschema.validate(board, grafana.DASHBOARD)
    assert all("targets" in panel for panel in board["panels"] if panel["type"] != "row")


@pytest.mark.parametrize("board", BOARDS)
def test_a_dashboard_asks_for_no_variable_that_it_does_not_have(board):
    queries = " ".join(
        target["expr"] for panel in board["panels"] for target in panel.get("targets", ())
    )
    asked = set(re.findall(r"\$\{?(\w+)", queries)) - {"__rate_interval", "__range"}
    assert asked <= {variable["name"] for variable in board["templating"]["list"]}
    assert asked


@pytest.mark.parametrize("kind", grafana.PROVISIONING)
def test_the_provisioning_is_what_grafana_reads(kind):
    (file,) = (DOCKER / "grafana" / "provisioning" / kind).iterdir()
    reader = jsonschema.validators.validator_for(grafana.PROVISIONING[kind])
    told = yaml.safe_load(file.read_text())
    assert list(reader(grafana.PROVISIONING[kind]).iter_errors(told)) == []


def test_grafana_finds_its_files_and_its_prometheus_where_compose_puts_them():
    services = yaml.safe_load((DOCKER / "compose.yml").read_text())["services"]
    mounts = dict(volume.split(":")[:2] for volume in services["grafana"]["volumes"])
    (provider,) = yaml.safe_load(
        (DOCKER / "grafana/provisioning/dashboards/wgpanel.yml").read_text()
    )["providers"]
    assert mounts["./grafana/dashboards"] == provider["options"]["path"]
    assert mounts["./grafana/provisioning"] == "/etc/grafana/provisioning"
    assert set(services["grafana"]["networks"]) & set(services["prometheus"]["networks"])
