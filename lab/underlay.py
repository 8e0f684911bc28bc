"""The "internet" of a lab: a bridge on the machine, a veth pair to each host, IPv4 and IPv6."""

import json

from lab.command import batch, run
from lab.instance import LINK_ALIAS, Instance, number_in
from lab.namespaces import Namespace

MACHINE = 1  # the machine's own position in the underlay


def raise_bridge(instance: Instance) -> None:
    """The machine's side: from here a panel reaches the agents."""
    bridge, net4, net6 = instance.bridge, instance.network4, instance.network6
    batch(
        ["ip"],
        [
            f"link add name {bridge} type bridge",
            f"link set dev {bridge} alias {LINK_ALIAS}",
            f"address add {instance.address4(MACHINE)}/{net4.prefixlen} dev {bridge}",
            f"address add {instance.address6(MACHINE)}/{net6.prefixlen} dev {bridge} nodad",
            f"link set dev {bridge} up",
        ],
    )


def plug_in(instance: Instance, host: str, namespace: Namespace, position: int) -> None:
    """Give the host an eth0 in the underlay."""
    link = instance.link(host)
    batch(
        ["ip"],
        [
            f"link add name {link} type veth peer name eth0 netns {namespace.name}",
            f"link set dev {link} alias {LINK_ALIAS} master {instance.bridge} up",
        ],
    )
    batch(
        ["ip", "-netns", namespace.name],
        [
            f"address add {instance.address4(position)}/{instance.network4.prefixlen} dev eth0",
            f"address add {instance.address6(position)}/{instance.network6.prefixlen}"
            " dev eth0 nodad",
            "link set dev lo up",
            "link set dev eth0 up",
        ],
    )


def lab_links() -> dict[str, int]:
    """Our links on the machine with their instance number: ours by name *and* by alias."""
    links = json.loads(run(["ip", "-json", "link", "show"]))
    ours = (link["ifname"] for link in links if link.get("ifalias") == LINK_ALIAS)
    numbers = ((name, number_in(name)) for name in ours)
    return {name: number for name, number in numbers if number is not None}


def remove_links(instance: Instance) -> None:
    """Take away the bridge and the machine's ends of the cables."""
    doomed = [name for name, number in lab_links().items() if number == instance.number]
    if doomed:
        batch(["ip"], [f"link delete dev {name}" for name in doomed])
