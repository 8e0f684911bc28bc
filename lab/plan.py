"""What a fleet looks like before anything is made: names, groups and tunnel addresses."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_interface

from lab.errors import LabError
from lab.underlay import MACHINE

MAX_HOSTS = 252 - MACHINE  # one /24 of underlay for each lab, and a place for one more host


@dataclass(frozen=True)
class NodePlan:
    """One WireGuard server. `host` names it in the lab, `name` is for people: `europe-1`."""

    number: int
    name: str
    group: str

    @property
    def host(self) -> str:
        return f"n{self.number}"

    @property
    def pool4(self) -> IPv4Network:
        return IPv4Network(f"10.77.{self.number}.0/24")

    @property
    def pool6(self) -> IPv6Network:
        return IPv6Network(f"fd77:0:0:{self.number:x}::/64")

    def addresses(self, offset: int) -> tuple[str, str]:
        """The IPv4 and IPv6 address at this place of the pools; the server is at 1."""
        return str(self.pool4[offset]), str(self.pool6[offset])

    def interface_addresses(self) -> tuple[str, str]:
        """The server's own, with the prefix length of the pools."""
        four, six = self.addresses(1)
        return (
            str(ip_interface(f"{four}/{self.pool4.prefixlen}")),
            str(ip_interface(f"{six}/{self.pool6.prefixlen}")),
        )


@dataclass(frozen=True)
class ClientPlan:
    """One client of one node; every second one reaches its node over IPv6."""

    number: int
    node: NodePlan
    offset: int

    @property
    def host(self) -> str:
        return f"c{self.number}"

    @property
    def uses_ipv6(self) -> bool:
        return self.number % 2 == 0

    def interface_addresses(self) -> tuple[str, str]:
        """One address of each family: what the node allows and the client carries."""
        four, six = self.node.addresses(self.offset)
        return f"{four}/32", f"{six}/128"


@dataclass(frozen=True)
class FleetPlan:
    nodes: tuple[NodePlan, ...]
    clients: tuple[ClientPlan, ...]

    def clients_of(self, node: NodePlan) -> tuple[ClientPlan, ...]:
        return tuple(client for client in self.clients if client.node == node)

    @property
    def first_free_position(self) -> int:
        """In the underlay, after all hosts of the plan."""
        return MACHINE + 1 + len(self.nodes) + len(self.clients)

    def position(self, host: str) -> int:
        """The host's place in the underlay, after the machine's own."""
        hosts = [node.host for node in self.nodes] + [client.host for client in self.clients]
        return MACHINE + 1 + hosts.index(host)


def plan_fleet(groups: Sequence[str], clients: int) -> FleetPlan:
    """One node for each entry of `groups`, in that order; the clients go round the nodes."""
    if not 0 < len(groups) <= len(groups) + clients <= MAX_HOSTS:
        raise LabError(f"a lab has at least one node and at most {MAX_HOSTS} hosts")
    nodes = _plan_nodes(groups)
    placed = [ClientPlan(i + 1, nodes[i % len(nodes)], 2 + i // len(nodes)) for i in range(clients)]
    return FleetPlan(nodes, tuple(placed))


def _plan_nodes(groups: Sequence[str]) -> tuple[NodePlan, ...]:
    seen: Counter[str] = Counter()
    nodes = []
    for number, group in enumerate(groups, start=1):
        seen[group] += 1
        nodes.append(NodePlan(number, f"{group.lower().replace(' ', '-')}-{seen[group]}", group))
    return tuple(nodes)
