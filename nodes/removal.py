"""Forget a node that will never answer again."""

from django.db import transaction

from accounts.actor import Actor
from nodes.models import Node, Status

ANSWERING = (Status.ONLINE, Status.DEGRADED)


class NodeStillAnswers(Exception):
    """The node is polled and answers: who means it disables the node first."""


def what_goes_with(node: Node) -> list[str]:
    """Return what is lost with `node` and what stays, as sentences."""
    return [
        "The node's address, settings and secret: this panel can no longer call its agent.",
        _last_report(node),
        "Nothing changes on the server itself: its agent, interfaces and peers go on as they are.",
        "The history of who changed what stays.",
    ]


def _last_report(node: Node) -> str:
    if node.reported_at is None:
        return "No report: the node never sent one."
    return f"Its status and its last report, of {node.reported_at:%Y-%m-%d %H:%M} UTC."


@transaction.atomic
def forget(node: Node, user: Actor) -> None:
    """Delete `node`; its history says that `user` did it.

    Raises NodeStillAnswers for one that is enabled and answers, Node.DoesNotExist for one that is
    gone already.
    """
    present = Node.objects.select_for_update().get(pk=node.pk)
    if present.enabled and present.status in ANSWERING:
        raise NodeStillAnswers(f"{present} is {present.get_status_display().lower()}.")
    present._history_user = user  # type: ignore[attr-defined]  # read by simple_history
    present.delete()
