"""Make a fleet's nodes known to the panel's database: groups, names, addresses, secrets.

Needs Django to be set up. A node keeps its id from run to run, so a second run finds its row again.
"""

from collections.abc import Iterable

from django.utils import timezone

from groups.models import NodeGroup
from lab.node import Node as LabNode
from nodes.models import Node

REGIONS = {"Europe": "eu-central", "America": "us-east"}


def enlist(lab_nodes: Iterable[LabNode]) -> list[Node]:
    """Create or update the panel's rows of these nodes; they are polled at once."""
    return [_enlist(lab_node) for lab_node in lab_nodes]


def _enlist(lab_node: LabNode) -> Node:
    node = Node.objects.filter(pk=lab_node.identity.node_id).first()
    node = node or Node(pk=lab_node.identity.node_id, name=lab_node.name)
    node.group = _group(lab_node.plan.group)
    node.agent_url, node.tls_pin = lab_node.agent.url, lab_node.agent.pin
    node.secret = lab_node.identity.secret
    node.next_poll_at = timezone.now()
    node.full_clean()
    node.save()
    return node


def _group(name: str) -> NodeGroup:
    group, _ = NodeGroup.objects.get_or_create(
        name=name, defaults={"region": REGIONS.get(name, ""), "description": "Part of the lab."}
    )
    return group
