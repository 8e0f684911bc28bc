"""The one thing the agent reads from an operator's wg-quick file; it never writes there."""

from pathlib import Path

from wgpanel_agent import grammar

FOLDER = Path("/etc/wireguard")


def private_key_in(path: Path) -> str | None:
    """The PrivateKey of the [Interface] section; None where no file of ours to read has one."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    section = ""
    for line in lines:
        name, _, value = line.partition("#")[0].partition("=")
        section = name.strip().lower() if name.strip().startswith("[") else section
        if section == "[interface]" and name.strip().lower() == "privatekey":
            return _valid(value.strip())
    return None


def _valid(key: str) -> str | None:
    try:
        return grammar.private_key(key)
    except grammar.InvalidDocument:
        return None
