"""Write the configuration reference from the examples of the panel's and the agent's settings.

`make docs` puts what this prints into docs/configuration.md.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VARIABLE = re.compile(r"#? ?([A-Z][A-Z0-9_]+)=(.*)")
HEAD = """\
# Configuration

Made by `make docs` from `.env.example` and `agent/.env.example`; a test compares. A value that
cannot be used stops the start and is named; an empty one counts as not set.

Each secret `NAME` of the panel is read from the variable, from the file that `NAME_FILE` names, or
from `keys/` in the state directory. `manage.py doctor` says what is wrong with an installation.
"""
PARTS = (("The panel", ".env.example"), ("The agent", "agent/.env.example"))

Group = tuple[list[str], list[tuple[str, str]]]  # what is said, and of which variables


def groups(text: str) -> Iterator[Group]:
    """Yield each comment with the variables below it."""
    said: list[str] = []
    variables: list[tuple[str, str]] = []
    for line in [*text.splitlines(), ""]:
        if found := VARIABLE.fullmatch(line):
            variables.append((found[1], found[2]))
            continue
        if variables:
            yield said, variables
            said, variables = [], []
        said = [*said, line.removeprefix("#").strip()] if line else []


def section(title: str, example: str) -> str:
    return "\n".join([f"## {title}\n", *map(entry, groups((ROOT / example).read_text()))])


def entry(group: Group) -> str:
    said, variables = group
    names = "\n".join(f"* `{name}`{f' (`{value}`)' if value else ''}" for name, value in variables)
    return "\n".join([names, "", *said, ""] if said else [names, ""])


if __name__ == "__main__":
    sys.stdout.write("\n".join([HEAD, *(section(*part) for part in PARTS)]))
