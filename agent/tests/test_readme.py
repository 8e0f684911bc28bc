"""README.md tells what the agent has: each route, setting and command, and no other."""

import argparse
import re
from pathlib import Path

from wgpanel_agent.__main__ import make_parser
from wgpanel_agent.api.routes import ROUTES
from wgpanel_agent.config import SETTINGS

TEXT = Path(__file__).parents[1].joinpath("README.md").read_text()
PUBLIC = "none"  # begins the column of those that need no signature


def table(heading: str) -> list[list[str]]:
    """The cells of the first table that follows a heading; without its own head."""
    part = TEXT.partition(f"\n{heading}\n")[2]
    lines = re.findall(r"(?:^\|.*\n)+", part, re.M)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def routes() -> dict[tuple[str, str], str]:
    """What each method and path needs, in the words of the table."""
    return {
        (method, path): needs
        for where, needs, _does in table("## Endpoints")
        for method in where.partition(" `")[0].split(", ")
        for path in quoted(where)
    }


def test_every_route_is_told_and_none_that_is_not_there() -> None:
    assert set(routes()) == {(route.method, route.template) for route in ROUTES}


def test_it_tells_which_routes_need_no_signature() -> None:
    told = {where for where, needs in routes().items() if needs.startswith(PUBLIC)}
    assert told == {(route.method, route.template) for route in ROUTES if route.public}


def test_every_setting_is_told_and_none_that_is_not_there() -> None:
    told = {name.lower() for cells in table("## Configuration") for name in quoted(cells[0])}
    assert told == set(SETTINGS)


def test_every_command_is_told() -> None:
    parser = make_parser()
    (commands,) = (it for it in parser._actions if isinstance(it, argparse._SubParsersAction))
    told = {quoted(cells[0])[0].split()[1] for cells in table("### Commands")}
    assert told == set(commands.choices)
