"""Prove the stack of compose.yml: nodes join, are polled, carry a tunnel, and are scraped.

Called by try.sh, whose variables say where things are; the images are there already. Raises
ProofFailed.
"""

import re
import sys
from typing import Any

from docker.trial import monitoring
from docker.trial.joining import NODES, check_what_servers_fetch, join
from docker.trial.rest import Panel, manage
from docker.trial.stack import (
    REPLICAS,
    ProofFailed,
    compose,
    containers,
    namespace_of,
    run,
    say,
    until,
    wait_until_healthy,
)

FIRST = ("postgres", "valkey")
PANEL = ("web", "worker", "beat", "caddy")


def bring_up() -> Panel:
    compose("up", "-d", *FIRST)
    for service in FIRST:
        wait_until_healthy(service)
    compose("run", "-T", "--rm", "--no-deps", "migrate")
    say("migrated")
    compose("up", "-d", "--no-deps", *PANEL, "client")
    for service in PANEL:
        wait_until_healthy(service)
    panel = Panel()
    panel.log_in()
    return panel


def make_tunnel(panel: Panel, node_id: str) -> str:
    """Let the panel make an interface and a peer; return the client's configuration."""
    body = {
        "node": node_id,
        "name": "wg0",
        "pool_v4": "10.77.0.0/24",
        "client_allowed_ips": "10.77.0.0/24",
    }
    path = f"interfaces/{panel.call('POST', 'interfaces/', body)['id']}/"
    panel.wait(path, _is_in_sync)  # its public key is part of a client's configuration
    peer = panel.call("POST", "peers/", {"name": "laptop", "node": node_id, "keys": "panel"})
    panel.wait(path, _is_in_sync)
    say("the node has the interface and the peer")
    return str(peer["config"])


def _is_in_sync(interface: dict[str, Any]) -> bool:
    return (
        interface["condition"] == "in_sync"
        and interface["observed_generation"] == interface["desired_generation"]
    )


def connect(config: str) -> None:
    """Install the delivered file as it is in the client's container."""
    [client] = containers("client")
    write = "umask 077; cat >/etc/wireguard/wg0.conf && wg-quick up wg0"
    run("podman", "exec", "-i", client, "sh", "-c", write, stdin=config)


def ping() -> str:
    """Ping the node's end of the tunnel; return how many of 5 came back, which is 4 at least."""
    words = ("ping", "-n", "-c", "5", "-i", "0.2", "-W", "5", "10.77.0.1")
    told = run(*namespace_of("client"), *words)
    found = re.search(r"(\d+) received", told)
    if not found or int(found[1]) < 4:
        raise ProofFailed(f"the tunnel loses packets: {told}")
    return found[1]


def restart_agent(name: str) -> None:
    """Its wireguard-go ends with the container; the agent makes the interface again by itself."""
    run("podman", "restart", "--time", "15", *containers(name))
    until("the tunnel is back", ping)
    say("the tunnel is back after a restart of the agent's container")


def prove() -> None:
    panel = bring_up()
    check_what_servers_fetch(panel)
    nodes = {name: join(panel, name) for name in NODES}
    manage("doctor")  # which fails where something is wrong
    say("the doctor finds nothing wrong")
    connect(make_tunnel(panel, nodes["agent1"]))
    say(f"ping through the tunnel: {ping()} of 5 answered")
    restart_agent("agent1")
    monitoring.start()
    monitoring.check(set(nodes), REPLICAS["web"])


if __name__ == "__main__":
    try:
        prove()
    except ProofFailed as error:
        sys.exit(f"prove: FAILED: {error}")
