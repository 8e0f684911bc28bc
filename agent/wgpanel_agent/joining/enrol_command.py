"""The command line of `wgpanel-agent enrol`; what it needs is imported when it runs."""

import argparse
import os
import resource
import sys
from pathlib import Path

from wgpanel_agent.keys.secretfile import close_handed_down, move_out_of_arguments

MOST_MINUTES = 7 * 24 * 60  # as long as a token is good at most


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "panel", metavar="URL", nargs="?", help="the panel, like https://panel.example"
    )
    command.add_argument(
        "--token", required=True, help="as the panel shows it, or @FILE that has it; good once"
    )
    command.add_argument(
        "--wait", metavar="MINUTES", type=_minutes, help="no URL: let the panel call, for so long"
    )
    command.add_argument("--pin", default="", help="SHA-256 of the panel's certificate")
    command.add_argument("--url", default="", help="where the panel reaches this agent")
    command.add_argument("--listen", default="0.0.0.0:8080", help="default: %(default)s")  # noqa: S104
    command.add_argument("--interfaces", default="", help="what the panel may manage, like wg0")
    command.add_argument(
        "--again", action="store_true", help="although this node has joined before"
    )
    command.add_argument("--no-tls", action="store_true", help="speak plain HTTP to the panel")
    command.add_argument("--allow-plain-http", action="store_true", help="to a panel without TLS")
    command.add_argument("--state-dir", type=Path, default=None, help=argparse.SUPPRESS)
    command.add_argument("--run", action="store_true", help="then serve the panel, as `run` does")


def _minutes(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= MOST_MINUTES):
        raise argparse.ArgumentTypeError(f"must be a number from 1 to {MOST_MINUTES}")
    return int(text)


def _token(said: str) -> str:
    """Out of the command line as soon as we run. Raises OSError."""
    if said and not said.startswith("@"):
        move_out_of_arguments(said)
    path = Path(said[1:])
    token = path.read_text("ascii", "replace").strip()
    close_handed_down(path)
    return token


def enrol(arguments: argparse.Namespace) -> int:
    """Raises OSError. Needs the extra `enrol`, which the running agent does without."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core would hold the token and the secret
    arguments.token = _token(arguments.token)
    try:
        from wgpanel_agent.joining import enrolment, waiting
    except ModuleNotFoundError as error:
        sys.stderr.write(f"wgpanel-agent: {error.name} is missing: it comes with the extra enrol\n")
        return 1
    try:
        joined = (waiting.wait if arguments.wait else enrolment.enrol)(arguments)
    except (enrolment.CannotJoin, enrolment.ProofError) as error:
        sys.stderr.write(f"wgpanel-agent: {error}\n")
        return 1
    sys.stdout.write(f"joined as {joined.name}; the panel calls {joined.agent_url}\n")
    sys.stdout.flush()
    if arguments.run:  # as a new program, which carries neither the token nor cryptography
        os.execv(sys.executable, [sys.executable, "-m", "wgpanel_agent", "run"])  # noqa: S606
    return 0
