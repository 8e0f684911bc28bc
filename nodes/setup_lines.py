"""What the agent on a node must be told, for the operator to copy. Never its secret."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from nodes.models import Node

PORT = 80  # RFC 9110 section 4.2.1


@dataclass(frozen=True, slots=True)
class SetupLines:
    """The same settings as the lines of agent.toml and as environment variables."""

    toml: str
    environment: str


def setup_lines(node: Node) -> SetupLines:
    """Return the settings with which an agent answers as `node`."""
    url = urlsplit(node.agent_url)
    values = {"node_id": str(node.pk), "listen": f"{_bracketed(url.hostname)}:{url.port or PORT}"}
    values |= {"interfaces": "wg0"}
    values |= {} if _is_loopback(url.hostname or "") else {"allow_plain_http": "true"}
    return SetupLines(
        toml="\n".join(f"{name} = {_toml(value)}" for name, value in values.items()),
        environment="\n".join(
            f"WGPANEL_AGENT_{name.upper()}={value}" for name, value in values.items()
        ),
    )


def _bracketed(host: str | None) -> str:
    return f"[{host}]" if ":" in (host or "") else f"{host}"


def _toml(value: str) -> str:
    return value if value == "true" else f'"{value}"'


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        return False
