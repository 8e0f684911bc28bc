"""Forget a node that will never answer again."""

from django.db import transaction

from accounts.actor import Actor
from nodes.models import Node, Status

ANSWERING = (Status.ONLINE, Status.DEGRADED)


class CannotForget(Exception):
    """The node stays; the words say why, and what to do first."""

    code = "cannot_forget"


class NodeStillAnswers(CannotForget):
    """The node is polled and answers: who means it disables the node first."""

    code = "node_still_answers"


class NodeHasPeers(CannotForget):
    """There are clients of the node: who means it removes them first."""

    code = "node_has_peers"


def what_goes_with(node: Node) -> list[str]:
    """Return what is lost with `node` and what stays, as sentences."""
    return [
        "The node's address, settings and secret: this panel can no longer call its agent.",
        _last_report(node),
        *_interfaces(node),
        "Nothing changes on the server itself: its agent, interfaces and peers go on as they are.",
        "The history of who changed what stays.",
    ]


def _last_report(node: Node) -> str:
    if node.reported_at is None:
        return "No report: the node never sent one."
    return f"Its status and its last report, of {node.reported_at:%Y-%m-%d %H:%M} UTC."


def _interfaces(node: Node) -> list[str]:
    names = ", ".join(interface.name for interface in node.interfaces.order_by("name"))
    return [f"What the panel wants its interfaces to be: {names}."] if names else []


def obstacle(node: Node) -> CannotForget | None:
    """What keeps `node` from being forgotten."""
    if node.enabled and node.status in ANSWERING:
        status = node.get_status_display().lower()
        return NodeStillAnswers(f"{node} is {status}. Disable it first.")
    peers = sum(one.peers.filter(removed_at=None).count() for one in node.interfaces.all())
    return NodeHasPeers(f"{node} has peers ({peers}). Remove them first.") if peers else None


@transaction.atomic
def forget(node: Node, user: Actor) -> None:
    """Delete `node`; its history says that `user` did it.

    Raises CannotForget, Node.DoesNotExist for one that is gone already.
    """
    present = Node.objects.select_for_update().get(pk=node.pk)
    if (refusal := obstacle(present)) is not None:
        raise refusal
    for interface in present.interfaces.all():
        interface.peers.all().delete()  # removed ones, which nobody will confirm any more
    present._history_user = user  # type: ignore[attr-defined]  # read by simple_history
    present.delete()
