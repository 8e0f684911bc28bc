"""Take a removed interface off its node."""

from django.db.models import ProtectedError
from wgpanel_agent.documents import State

from nodes.calling.exchange import AgentError
from nodes.interfaces import Condition, Interface
from reconcile.pushing import answers, asking, observing
from reconcile.pushing.answers import Meaning, Step
from reconcile.pushing.asking import Deadline
from reconcile.pushing.delivery import Stopped
from reconcile.pushing.leases import Lease


def take_down(interface: Interface, lease: Lease, deadline: Deadline) -> None:
    """Remove it where the node has it from us, and forget it; raises Stopped.

    An interface of that name that was made by somebody else stays as it is.
    """
    try:
        _remove(interface, deadline)
    except AgentError as error:
        if error.code != "http_404":
            raise Stopped(answers.meaning(error, _wanted(interface))) from error
    try:
        observing.forget(interface.pk)
    except ProtectedError as error:
        reason = "Peers that nobody removed are still on it."
        raise Stopped(Meaning(Step.WAIT, Condition.UNKNOWN, reason)) from error


def _remove(interface: Interface, deadline: Deadline) -> None:
    told = answers.told_state(asking.ask(interface))
    if told is not None and told.epoch == str(interface.epoch):
        asking.tell(interface, "DELETE", if_match=told.etag, deadline=deadline)


def _wanted(interface: Interface) -> State:
    return State(str(interface.epoch), interface.desired_generation, interface.desired_hash)
