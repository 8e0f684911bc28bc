"""Set a fleet up as an operator does: through the panel's REST API and with nothing else."""

from collections import Counter
from typing import Any

from lab.client import Client
from lab.fleet import Fleet
from lab.node import Node
from lab.rest import Rest
from lab.wireguard import INTERFACE

SYNC_SECONDS = 30.0
REPORT_SECONDS = 45.0  # a poll interval, and the look of the agent before it
TAG = "lab"


def give_interfaces(rest: Rest, fleet: Fleet) -> list[dict[str, Any]]:
    """Let each node have a wg0 with the pools of its plan; return them, in sync."""
    made = [_interface(rest, node) for node in fleet.nodes]
    return [in_sync(rest, interface["id"]) for interface in made]


def in_sync(rest: Rest, interface_id: str, seconds: float = SYNC_SECONDS) -> dict[str, Any]:
    """Wait until the node has confirmed everything that is desired; return the interface."""
    return rest.wait_for(f"interfaces/{interface_id}/", seconds, _is_in_sync)


def interface_of(rest: Rest, node: Node) -> dict[str, Any]:
    """The one interface that the panel has made on this node."""
    found: list[dict[str, Any]] = rest.call("GET", f"interfaces/?node={node.identity.node_id}")[
        "results"
    ]
    return found[0]


def connect(rest: Rest, client: Client, **fields: Any) -> dict[str, Any]:
    """Create a peer on the client's own node and give the client its file; return the peer."""
    node = client.node
    body = {"name": client.host.name, "node": node.identity.node_id, "keys": "panel", "tags": [TAG]}
    peer: dict[str, Any] = rest.call("POST", "peers/", {**body, **fields}, 201)
    client.take(peer["config"], node.plan.addresses(1)[0])
    return peer


def wait_until_reported(rest: Rest, fleet: Fleet) -> None:
    """Wait until the panel knows of all clients that are connected."""
    connected = Counter(client.node for client in fleet.clients)
    for node, count in connected.items():
        rest.wait(node, REPORT_SECONDS, lambda told, count=count: told["active_peers"] >= count)


def forget_earlier_clients(rest: Rest) -> None:
    """Clients of an earlier run are new machines now: their peers are of no use."""
    for peer in rest.call("GET", f"peers/?tag={TAG}&page_size=500")["results"]:
        rest.call("DELETE", f"peers/{peer['id']}/", status=204)


def _interface(rest: Rest, node: Node) -> dict[str, Any]:
    node_id = node.identity.node_id
    found = rest.call("GET", f"interfaces/?node={node_id}")["results"]
    pools = {"pool_v4": str(node.plan.pool4), "pool_v6": str(node.plan.pool6)}
    body = {"node": node_id, "name": INTERFACE, **pools}
    return found[0] if found else rest.call("POST", "interfaces/", body, 201)


def _is_in_sync(interface: dict[str, Any]) -> bool:
    return (
        interface["condition"] == "in_sync"
        and interface["observed_generation"] == interface["desired_generation"]
    )
