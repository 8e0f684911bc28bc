"""What the agent on a node must be told, for the operator to copy. Never its secret."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from nodes.calling.outbound import PORTS, Address
from nodes.models import Node

ANYWHERE = "0.0.0.0"  # noqa: S104  (where the panel knows a name, the node has some address)


@dataclass(frozen=True, slots=True)
class SetupLines:
    """The same settings as the lines of agent.toml and as environment variables."""

    toml: str
    environment: str


def setup_lines(node: Node) -> SetupLines:
    """Return the settings with which an agent answers as `node`."""
    url = urlsplit(node.agent_url)
    address = _address(url.hostname or "")
    listen = f"{_bracketed(str(address or ANYWHERE))}:{url.port or PORTS.get(url.scheme, 80)}"
    values = {"node_id": str(node.pk), "listen": listen, "interfaces": "wg0"}
    if url.scheme == "http" and not (address and address.is_loopback):
        values |= {"allow_plain_http": "true"}
    return SetupLines(
        toml="\n".join(f"{name} = {_toml(value)}" for name, value in values.items()),
        environment="\n".join(
            f"WGPANEL_AGENT_{name.upper()}={value}" for name, value in values.items()
        ),
    )


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _toml(value: str) -> str:
    return value if value == "true" else f'"{value}"'


def _address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:  # a name
        return None
