"""What lies in docker/: settings that exist, hardened services, images that bring no secret."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from wgpanel_agent import config as agent_config

from nodes.enrolment import install_views

HERE = Path(__file__).resolve().parents[1]
ROOT = HERE.parent
COMPOSE = yaml.safe_load((HERE / "compose.yml").read_text())
AGENT = yaml.safe_load((HERE / "agent.compose.yml").read_text())
OWN = yaml.safe_load((HERE / "own-certificate.yml").read_text())
SERVICES = {**COMPOSE["services"], **AGENT["services"]}
ROLES = ("migrate", "web", "worker", "beat")
# What compose itself reads: images, ports and whose the secrets are, not settings of the panel.
OF_COMPOSE = {"WGPANEL_IMAGE", "WGPANEL_AGENT_IMAGE", "WGPANEL_UID", "WGPANEL_DOMAIN",
              "WGPANEL_SECRETS", "WGPANEL_CERTIFICATES", "WGPANEL_HTTP_PORT",
              "WGPANEL_HTTPS_PORT"}  # fmt: skip


def described() -> set[str]:
    example = (ROOT / ".env.example").read_text()
    return set(re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", example, re.MULTILINE))


def test_every_setting_that_a_panel_service_gets_exists():
    given = {name for role in ROLES for name in COMPOSE["services"][role]["environment"]}
    assert given <= described()


def test_every_variable_of_the_files_is_a_setting_or_known_to_compose():
    text = "".join(path.read_text() for path in HERE.glob("*.yml"))
    named = set(re.findall(r"\$\{(WGPANEL_\w+)", text))
    settings = described() | set(agent_config.setting_names())
    assert named - settings <= OF_COMPOSE


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_cannot_write_to_its_image_nor_gain_privileges(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged", False)


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"migrate"}))
def test_a_service_that_lives_on_has_a_health_check(name):
    assert SERVICES[name]["healthcheck"]["test"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_limits(name):
    assert set(SERVICES[name]["deploy"]["resources"]["limits"]) == {"cpus", "memory"}


@pytest.mark.parametrize("name", sorted(set(SERVICES)))
def test_an_image_has_a_version_unless_it_is_ours(name):
    image = SERVICES[name]["image"]
    default = re.fullmatch(r"\$\{\w+:-(.+)\}", image)[1]
    assert default.startswith("localhost/wgpanel-") or re.search(r":v?\d+\.\d+", default)


def test_the_agent_has_one_capability_and_no_more():
    assert SERVICES["agent"]["cap_add"] == ["NET_ADMIN"]


@pytest.mark.parametrize("name", ["postgres", "valkey"])
def test_database_and_broker_are_not_reached_from_outside(name):
    assert "ports" not in SERVICES[name]
    assert SERVICES[name]["networks"] == ["back"]
    assert COMPOSE["networks"]["back"]["internal"] is True


def waits_for(name: str) -> dict[str, str]:
    """What is to happen to which service before this one starts."""
    needed = SERVICES[name].get("depends_on", {})
    return {other: how["condition"] for other, how in needed.items()}


def test_nothing_of_the_panel_starts_before_the_database_is_up_to_date():
    assert waits_for("migrate") == {"postgres": "service_healthy", "valkey": "service_healthy"}
    for name in ("web", "worker", "beat"):
        assert waits_for(name) == {"migrate": "service_completed_successfully"}
    assert waits_for("caddy") == {"web": "service_healthy"}


def test_web_and_worker_are_several_and_can_be_more_while_beat_is_one():
    replicas = {name: SERVICES[name]["deploy"].get("replicas", 1) for name in ROLES}
    assert replicas == {"migrate": 1, "web": 2, "worker": 2, "beat": 1}
    assert not {"container_name", "hostname", "ports"} & {*SERVICES["web"], *SERVICES["worker"]}


def test_what_waits_in_the_broker_outlives_it_and_is_never_evicted():
    words = SERVICES["valkey"]["command"]
    options = dict(zip(words[2::2], words[3::2], strict=True))
    assert (options["--appendonly"], options["--appendfsync"]) == ("yes", "everysec")
    assert options["--maxmemory-policy"] == "noeviction"
    assert SERVICES["valkey"]["volumes"] == ["valkey:/data"]


def test_prometheus_and_grafana_run_only_where_they_are_asked_for():
    profiles = {name: it["profiles"] for name, it in SERVICES.items() if "profiles" in it}
    assert profiles == {"prometheus": ["monitoring"], "grafana": ["monitoring"]}


def test_the_agent_works_in_the_network_of_its_host_with_files_of_its_host():
    agent = SERVICES["agent"]
    assert agent["network_mode"] == "host"
    assert agent["devices"] == ["/dev/net/tun:/dev/net/tun"]
    assert {"/etc/wireguard:/etc/wireguard", "/run/wireguard:/run/wireguard"} <= set(
        agent["volumes"]
    )


def test_no_service_carries_a_secret_in_its_environment():
    for name, service in SERVICES.items():
        for variable, value in (service.get("environment") or {}).items():
            secret = re.search(r"PASSWORD|TOKEN|KEY|(DATABASE|REDIS)_URL", variable)
            assert not secret or value.startswith("/run/secrets/"), (name, variable)


def test_nothing_that_is_not_named_gets_into_a_build():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {"!.env", "!var", "!docker/secrets", "!.git"}.isdisjoint(rules)


def test_all_that_the_panel_is_made_of_gets_into_its_build():
    let_in = set(re.findall(r"^!([\w.]+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    apps = {path.parent.name for path in ROOT.glob("*/apps.py")}
    assert apps | {"wgpanel", "templates", "manage.py", "requirements.txt"} <= let_in


def test_what_a_server_fetches_to_become_a_node_gets_into_the_build_of_the_panel():
    """docker/try.sh fetches it from the image; this says so where no image can be built."""
    let_in = (ROOT / ".dockerignore").read_text().splitlines()
    assert f"!{install_views.UNIT.relative_to(ROOT)}" in let_in
    assert {"!agent/pyproject.toml", "!agent/README.md", "!agent/wgpanel_agent"} <= set(let_in)


def test_a_certificate_of_ones_own_is_shown_by_caddy_and_known_to_web():
    caddy, web = OWN["services"]["caddy"], OWN["services"]["web"]
    assert "{$WGPANEL_TLS}" in (HERE / "Caddyfile").read_text()
    shown = caddy["environment"]["WGPANEL_TLS"].split()[1]
    assert web["environment"]["WGPANEL_CERTIFICATE_FILE"] == shown
    assert all("panel.key" not in volume for volume in web["volumes"])


@pytest.mark.parametrize("tls", ["", "tls /certificate/panel.crt /certificate/panel.key"])
def test_caddy_reads_its_file_and_finds_every_web_container(tls):
    words = ["caddy", "adapt", "--adapter", "caddyfile", "--config", HERE / "Caddyfile"]
    env = {"PATH": os.environ["PATH"], "WGPANEL_DOMAIN": "panel.example", "WGPANEL_TLS": tls}
    made = subprocess.run(words, env=env, capture_output=True, check=True).stdout.decode()
    assert '"host":["panel.example"]' in made
    assert '"dynamic_upstreams":{"name":"web","port":"8000"' in made
    assert ("/certificate/panel.key" in made) == bool(tls)


def test_caddy_is_healthy_while_it_answers_at_the_address_that_its_check_asks():
    asked = COMPOSE["services"]["caddy"]["healthcheck"]["test"][-1]
    assert f"\n{asked.rstrip('/')} {{\n" in (HERE / "Caddyfile").read_text()


def test_prometheus_may_write_where_its_image_lets_nobodys_group():
    assert SERVICES["prometheus"]["user"].endswith(":65534")
