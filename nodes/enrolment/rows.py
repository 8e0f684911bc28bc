"""The row of a node that joins: a new one, or the one that it had before."""

import itertools

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils import timezone

from accounts.actor import Actor
from nodes.enrolment.errors import AlreadyEnrolled, JoinRefused, TryAgain
from nodes.enrolment.hello import Hello
from nodes.enrolment.join_token import JoinToken
from nodes.models import Node, Status
from nodes.polls.polling import request_polls

JOINED = "Joined with a token."
JOINED_AGAIN = "Joined again with a token."

# All that joining again changes: a poll may be writing other columns of the same row.
WRITTEN = (
    "agent_url", "tls_pin", "next_tls_pin", "status", "status_reason",
    "status_since", "failures", "failing_since", "reported_at",
)  # fmt: skip


def node_for(row: JoinToken, hello: Hello) -> Node:
    """Return the node, not saved. Raises JoinRefused."""
    node = _known_before(row) if row.node_id else _new(row, hello)
    node.agent_url = row.dial_url or hello.agent_url or _url(row.came_from, hello)
    node.tls_pin, node.next_tls_pin = hello.tls_pin, ""
    twin = Node.objects.filter(agent_url=node.agent_url).exclude(pk=node.pk).first()
    if twin:
        raise AlreadyEnrolled(
            f"The panel knows {node.agent_url} as {twin}: use “Re-enrol” on that node's page."
        )
    return node


def save(node: Node, by: Actor, also: tuple[str, ...]) -> None:
    """Save the row, `also` these fields, and have it polled at once. Raises JoinRefused."""
    is_new = node._state.adding
    node._history_user = by  # type: ignore[attr-defined]  # read by simple_history
    node._change_reason = JOINED if is_new else JOINED_AGAIN  # type: ignore[attr-defined]
    node.status, node.status_reason = Status.UNKNOWN, "Joined; not polled yet."
    node.status_since = timezone.now()
    node.failures, node.failing_since, node.reported_at = 0, None, None
    try:
        node.full_clean(validate_unique=False)  # the database judges, whoever comes meanwhile
        node.save(update_fields=None if is_new else [*WRITTEN, *also, "updated_at"])
    except ValidationError as error:
        raise JoinRefused(" ".join(error.messages)) from error
    except IntegrityError as error:
        raise TryAgain("Another node took this name in the same moment.") from error
    request_polls(Node.objects.filter(pk=node.pk))


def _known_before(row: JoinToken) -> Node:
    return Node.objects.select_for_update().get(join_tokens=row)


def _new(row: JoinToken, hello: Hello) -> Node:
    name = row.name or _free_name(hello.host or "node")
    if Node.objects.filter(name=name).exists():
        raise AlreadyEnrolled(f"There is a node named {name} already.")
    return Node(name=name, group=row.group, weight=row.weight, max_peers=row.max_peers)


def _free_name(host: str) -> str:
    names = itertools.chain([host], (f"{host[:58]}-{number}" for number in itertools.count(2)))
    return next(name for name in names if not Node.objects.filter(name=name).exists())


def _url(address: str, hello: Hello) -> str:
    """Where the node came from is where its agent is, unless it said otherwise."""
    scheme = "https" if hello.tls_pin else "http"
    host = f"[{address}]" if ":" in address else address
    return f"{scheme}://{host}:{hello.port}"
