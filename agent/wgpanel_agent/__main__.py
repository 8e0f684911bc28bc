"""The command `wgpanel-agent`."""

import argparse
import asyncio
import json
import logging
import os
import sys

from wgpanel_agent import __version__
from wgpanel_agent.joining import enrol_command
from wgpanel_agent.keys.secretfile import move_out_of_environment

EPILOG = """\
Settings come from /etc/wgpanel-agent/agent.toml or from the environment as WGPANEL_AGENT_NAME;
the environment wins. The least there must be: node_id, and the secret in a file of mode 0600.
"""


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="wgpanel-agent",
        description="The agent that wgpanel talks to on each WireGuard node.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, act, about in (
        ("run", run, "serve the panel until SIGTERM; what systemd starts"),
        ("doctor", doctor, "say what this machine lacks; exit code 1 if something is missing"),
        ("pin", pin, "print the pin of the agent's certificate, as the panel keeps it"),
        ("show", show, "look at the node once and print the report that the panel would get"),
    ):
        command = commands.add_parser(name, help=about, description=about.capitalize() + ".")
        command.set_defaults(act=lambda _, act=act: act())
    about = "join a panel with the line that its page “Add node” shows"
    command = commands.add_parser("enrol", help=about, description=about.capitalize() + ".")
    enrol_command.add_arguments(command)
    command.set_defaults(act=enrol_command.enrol)
    return parser


def run() -> int:
    from wgpanel_agent.config import load
    from wgpanel_agent.running import run

    config = load(os.environ)
    logging.basicConfig(
        level=config.log_level.upper(), format="%(levelname)s %(name)s: %(message)s"
    )
    asyncio.run(run(config))
    return 0


def doctor() -> int:
    from wgpanel_agent.doctor import diagnose, probe

    findings = diagnose(probe(os.environ))
    sys.stdout.writelines(f"{finding}\n" for finding in findings)
    return int(any(finding.problem and not finding.is_warning for finding in findings))


def pin() -> int:
    from wgpanel_agent.config import ConfigError, load
    from wgpanel_agent.joining.certificate import pin_of_file

    identity = load(os.environ).tls
    if identity is None:
        raise ConfigError("this agent has no certificate: it speaks plain HTTP")
    sys.stdout.write(f"{pin_of_file(identity.certificate)}\n")
    return 0


def show() -> int:
    from wgpanel_agent.agent import Agent
    from wgpanel_agent.config import load

    agent = Agent(load(os.environ))
    asyncio.run(agent.sampler.look())
    sys.stdout.write(json.dumps(agent.report().as_json(), indent=2) + "\n")
    return 0


def main() -> int:
    """0, or 1 with one line that says what to do; 2 for a wrong command line."""
    arguments = make_parser().parse_args()
    move_out_of_environment(os.environ)
    from wgpanel_agent.config import ConfigError
    from wgpanel_agent.tls import BadCertificate

    try:
        return int(arguments.act(arguments))
    except (ConfigError, BadCertificate, OSError) as error:
        sys.stderr.write(f"wgpanel-agent: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
