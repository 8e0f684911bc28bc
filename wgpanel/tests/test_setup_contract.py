"""The lines that a node's page shows are settings that the real agent reads."""

import secrets
import tomllib

from wgpanel_agent import config

from nodes.models import Node
from nodes.setup_lines import setup_lines


def _variables(lines):
    return dict(line.split("=", 1) for line in lines.splitlines())


def test_both_forms_are_settings_that_the_agent_accepts(tmp_path):
    shown = setup_lines(Node(agent_url="http://10.0.0.7:8080"))
    secret = tmp_path / "secret"
    secret.write_text(secrets.token_urlsafe(32))
    secret.chmod(0o600)
    file = tmp_path / "agent.toml"
    file.write_text(f'{shown.toml}\nsecret_file = "{secret}"\n')
    nowhere = {"WGPANEL_AGENT_SECRET_FILE": str(secret)}
    by_file = config.load({"WGPANEL_AGENT_CONFIG": str(file)})
    by_environment = config.load(_variables(shown.environment) | nowhere)
    assert by_file == by_environment
    assert tomllib.loads(shown.toml)["interfaces"] == "wg0"
