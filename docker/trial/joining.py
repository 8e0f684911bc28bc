"""Nodes join as an operator's do: by the line of "Add node", in the agent's container."""

import hashlib
import re
import shlex

from docker.trial.rest import Panel
from docker.trial.stack import HERE, ProofFailed, compose, say, wait_until_healthy

NODES = {f"agent{number}": f"https://198.18.200.{10 + number}:8080" for number in (1, 2, 3)}
UNIT = HERE.parents[1] / "agent" / "wgpanel-agent.service"


def check_what_servers_fetch(panel: Panel) -> None:
    """A server without containers gets script, unit and agent from the same image."""
    script = panel.fetch("install.sh").decode()
    name, digest = (re.search(rf'^{word}="(.+)"$', script, re.M) for word in ("WHEEL", "SHA256"))
    if not (name and digest and UNIT.read_text() in script):
        raise ProofFailed("/install.sh does not bring the agent and its unit")
    if hashlib.sha256(panel.fetch(f"agent/{name[1]}")).hexdigest() != digest[1]:
        raise ProofFailed(f"/agent/{name[1]} is not what /install.sh says")
    say(f"/install.sh brings {name[1]}")


def join(panel: Panel, name: str) -> str:
    """Return its id, once it is online."""
    line = panel.call("POST", "join-tokens/", {"name": name})["line"]
    _program, *words = shlex.split(line)
    # to another network of this host podman hides where a container calls from
    compose("run", "-T", "--rm", "--no-deps", name, *words, "--url", NODES[name])
    compose("up", "-d", "--no-deps", name)
    wait_until_healthy(name)
    [node] = [it for it in panel.call("GET", "nodes/")["results"] if it["name"] == name]
    if node["agent_url"] != NODES[name] or not node["tls_pin"]:
        raise ProofFailed(f"{name} joined as {node['agent_url']}, pin {node['tls_pin']!r}")
    panel.wait(f"nodes/{node['id']}/", lambda told: told["status"] == "online")
    say(f"{name} has joined by its token and is online over TLS")
    return str(node["id"])
