"""Nodes that may take a peer."""

from typing import Any

from nodes.models import Node
from nodes.tests.builders import make_online_node


def make_idle_node(**fields: Any) -> Node:
    """Save an online node without peers, with room for 100."""
    return make_online_node(**{"active_peers": 0, "max_peers": 100, **fields})
