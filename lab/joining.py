"""Nodes of a fleet join a panel as an operator's do: by the line that the panel shows."""

import shlex
import sys
import tomllib
from typing import Any

from lab.agent import PORT
from lab.node import Node
from lab.panel import Panel
from lab.process import Process
from lab.relay import relay
from lab.rest import Rest

REGIONS = {"Europe": "eu-central", "America": "us-east"}


def return_or_join(rest: Rest, panel: Panel, node: Node) -> None:
    """A node that the panel let in before starts as it is; all others join now.

    One that was entered by hand in the panel (by an older version, or in a lab whose folder is
    gone) joins as the same node, by the line of "Re-enrol": its interface and peers stay.
    """
    known = _known(rest, node)
    if known and node.has_joined and known["id"] == node.identity.node_id:
        _come_back(rest, node, known)
        return
    again = {"node": known["id"]} if known else {}
    line = make_line(rest, name=node.name, group=_group(rest, node.plan.group), **again)
    run_line(panel, node, line)


def make_line(rest: Rest, **presets: Any) -> str:
    """What “Add node” shows, good once."""
    line: str = rest.call("POST", "join-tokens/", presets, 201)["line"]
    return line


def run_line(panel: Panel, node: Node, line: str) -> None:
    """Paste it on the node, and start the agent; raises CommandFailed with what the agent says."""
    with relay(node.host.namespace, panel.port):
        node.run(*words(node, line))
    start_joined(node)


def wait_to_be_called(node: Node, line: str) -> Process:
    """Paste the line of a node that the panel is to call; it runs until the node has joined."""
    command = node.host.namespace.words(*words(node, line))
    waiting = Process(command, node.host.folder / "enrol.log")
    waiting.start()
    return waiting


def start_joined(node: Node) -> None:
    """Start the agent of a node that has just joined."""
    node.take_identity(*joined_as(node))
    node.agent.start()
    node.agent.wait_until_healthy()


def words(node: Node, line: str) -> list[str]:
    """The line as a command of the lab: this agent, and places where it is alone."""
    _program, *said = shlex.split(line)
    host = node.host
    address = f"{host.address4}:{PORT}"
    return [
        "env", f"WGPANEL_AGENT_CONFIG={host.agent_settings}", sys.executable, "-m", "wgpanel_agent",
        *said, "--url", f"https://{address}", "--listen", address, "--again",
        "--state-dir", str(host.folder / "agent"),
    ]  # fmt: skip


def joined_as(node: Node) -> tuple[str, str]:
    """Id and secret, as the agent wrote them."""
    settings = tomllib.loads(node.host.agent_settings.read_text())
    return settings["node_id"], node.host.agent_settings.with_name("secret").read_text().strip()


def _known(rest: Rest, node: Node) -> dict[str, Any] | None:
    found = rest.call("GET", "nodes/?page_size=500")["results"]
    same = [it for it in found if it["id"] == node.identity.node_id]
    return next(iter(same or [it for it in found if it["name"] == node.name]), None)


def _come_back(rest: Rest, node: Node, known: dict[str, Any]) -> None:
    """The lab may have another number now, and so the node another address."""
    node.agent.start()
    node.agent.wait_until_healthy()
    path = f"nodes/{known['id']}/"
    if known["agent_url"] != node.agent.url:
        rest.call("PATCH", path, {"agent_url": node.agent.url})
    rest.call("POST", f"{path}poll/", status=202)


def _group(rest: Rest, name: str) -> str:
    found = rest.call("GET", f"groups/?name={name}")["results"]
    body = {"name": name, "region": REGIONS.get(name, ""), "description": "Part of the lab."}
    group = found[0] if found else rest.call("POST", "groups/", body, 201)
    return str(group["id"])
