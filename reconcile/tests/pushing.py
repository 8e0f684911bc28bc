"""Steps that tests of pushing share."""

from nodes.interfaces import Interface
from reconcile.pushing import push as pushing
from reconcile.tests.builders import fresh, make_new_interface
from reconcile.tests.contract_agent import ContractAgent


def push(interface: Interface) -> Interface:
    """Push as a worker would; return the interface as it is then."""
    pushing.push(interface.pk, "a worker")
    return fresh(interface)


def push_now(interface: Interface) -> Interface:
    """Push whatever the backoff says."""
    Interface.objects.filter(pk=interface.pk).update(sync_not_before=None)
    return push(interface)


def make_in_sync(agent: ContractAgent, peers: int = 3) -> Interface:
    """Return an interface that the agent's node has confirmed."""
    return push(make_new_interface(peers, node=agent.node()))
