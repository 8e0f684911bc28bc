"""Exchange a node's key for a new one, in steps of which each may be lost, repeated or killed.

`stage` agrees on a new secret, signed with the old key; it is stored before anything is done with
it. `prove` signs with the new key, and makes it the one in use on both sides. `retire` ends the old
key, after an overlap for calls that are under way. A row says which step is next and when; whoever
moves `rotation_due_at` owns the step. An answer that nobody signed never drops a key.
"""

import datetime as dt
import json
import logging
from typing import Any, cast
from uuid import UUID

from celery import current_app
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Coalesce
from django.utils import timezone
from wgpanel_agent.protocol import BadShare, Half, agreed_secret, make_half

from accounts.actor import Actor
from keyring.fields import Secret, SecretField
from keyring.sealing import SecretLocked
from nodes.calling import client, targets
from nodes.calling.exchange import AgentError, Answer
from nodes.keyed import RotationStep
from nodes.models import Node, Status
from nodes.querysets import NodeQuerySet

logger = logging.getLogger(__name__)

TASK = "nodes.tasks.rotate_keys"
LEASE = dt.timedelta(minutes=1)  # longer than any call takes
RETRY = dt.timedelta(minutes=5)
OVERLAP = dt.timedelta(minutes=10)
MOST_AT_ONCE = 50


def start(nodes: NodeQuerySet, user: Actor | None, *, urgent: bool = False) -> int:
    """Begin where no rotation is under way; return how many nodes that are. The work follows.

    `urgent` leaves out the overlap, also of those that are under way.
    """
    now = timezone.now()
    with transaction.atomic():
        rows = nodes.exclude(secret=None).select_for_update(of=("self",))  # a list joins groups
        chosen = list(rows.order_by("pk"))
        pks = [node.pk for node in chosen if node.rotation_step == RotationStep.NONE]
        under_way = [node.pk for node in chosen if node.rotation_step != RotationStep.NONE]
        Node.objects.filter(pk__in=pks).update(
            rotation_step=RotationStep.STAGE, rotation_due_at=now, rotation_problem="",
            rotation_is_urgent=urgent,
        )  # fmt: skip
        if urgent:
            Node.objects.filter(pk__in=under_way).update(
                rotation_due_at=now, rotation_is_urgent=True
            )
        _remember([node for node in chosen if node.pk in pks or urgent], user, now)
        transaction.on_commit(_wake_up, robust=True)
    return len(chosen) if urgent else len(pks)


def start_overdue(now: dt.datetime) -> int:
    """Begin where the key is older than the setting allows and the node answers."""
    if not settings.WGPANEL_KEY_DAYS:
        return 0
    oldest = now - dt.timedelta(days=settings.WGPANEL_KEY_DAYS)
    old = Node.objects.alias(since=Coalesce("rotated_at", "created_at")).filter(
        since__lte=oldest, enabled=True, rotation_step=RotationStep.NONE, next_secret=None,
        status__in=(Status.ONLINE, Status.DEGRADED),
    )  # fmt: skip
    pks = list(old.order_by("since").values_list("pk", flat=True)[:MOST_AT_ONCE])
    return start(Node.objects.filter(pk__in=pks), None) if pks else 0


def due(now: dt.datetime) -> list[UUID]:
    """Return the nodes whose next step has come."""
    waiting = Node.objects.filter(enabled=True, rotation_due_at__lte=now)
    return list(waiting.order_by("rotation_due_at").values_list("pk", flat=True)[:MOST_AT_ONCE])


def go_on(node_id: UUID) -> None:
    """Take the steps that are due, one after the other, until one has to wait."""
    acts = {
        RotationStep.STAGE: _stage,
        RotationStep.PROVE: _prove,
        RotationStep.RETIRE: _retire,
    }
    while node := _claim(node_id):
        try:
            acts[RotationStep(node.rotation_step)](node)
        except AgentError as error:
            _postpone(node, error)


def _claim(node_id: UUID) -> Node | None:
    """Return the node for one step, if it is due and nobody else takes it."""
    now = timezone.now()
    node = Node.objects.filter(pk=node_id, enabled=True, rotation_due_at__lte=now).first()
    if node is None or not _move(node, rotation_due_at=now + LEASE):
        return None
    node.rotation_due_at = now + LEASE
    return node


def _stage(node: Node) -> None:
    seq, half = node.secret_seq + 1, make_half()
    body = json.dumps({"seq": seq, "share": half.share}).encode()
    try:
        answer = _post(node, "stage", body)
    except AgentError as error:
        if node.next_secret and error.envelope.get("error") == "not_current":
            _move(node, rotation_step=RotationStep.PROVE)  # it was proven, and we did not hear
        raise
    secret = _agreed(node, half, seq, answer)
    _move(
        node, rotation_step=RotationStep.PROVE, rotation_due_at=timezone.now(), next_secret_seq=seq,
        next_secret=_sealed(node, "next_secret", secret),
    )  # fmt: skip


def _agreed(node: Node, half: Half, seq: int, answer: Answer) -> str:
    try:
        theirs = json.loads(answer.body)["share"]
        return agreed_secret(
            half,
            theirs,
            old=_revealed(node.secret).encode(),
            keyid=f"{node.pk}.{seq}",
            shares=(half.share, theirs),
        )
    except (BadShare, ValueError, KeyError, TypeError) as error:
        raise AgentError("bad_answer", "The agent's share of the new key is none.") from error


def _prove(node: Node) -> None:
    """A refusal that nobody signed proves nothing: back to `stage`, with both keys kept."""
    try:
        _post(node, "prove", keys=targets.next_keys(node))
    except AgentError as error:
        if error.code in ("wrong_key", "identity_mismatch"):
            _move(node, rotation_step=RotationStep.STAGE)
        raise
    now = timezone.now()
    _move(
        node, rotation_step=RotationStep.RETIRE, rotation_problem="", rotated_at=now,
        rotation_due_at=now if node.rotation_is_urgent else now + OVERLAP,
        secret=_sealed(node, "secret", _revealed(node.next_secret)),
        secret_seq=node.next_secret_seq,
        first_secret=_sealed(node, "first_secret", _revealed(node.first_secret or node.secret)),
        next_secret=None, next_secret_seq=None,
    )  # fmt: skip
    logger.info("node %s has key number %s now", node.pk, node.next_secret_seq)


def _retire(node: Node) -> None:
    _post(node, "retire")
    _move(
        node, rotation_step=RotationStep.NONE, rotation_due_at=None, rotation_problem="",
        rotation_is_urgent=False,
    )  # fmt: skip


def _post(node: Node, step: str, body: bytes = b"", **parts: Any) -> Answer:
    keys = parts.get("keys") or targets.node_keys(node)
    return client.call(node, f"/v1/keys/{step}", method="POST", body=body, keys=keys)


def _move(node: Node, **columns: Any) -> bool:
    """Change the row if it is still as this step found it; say whether."""
    unchanged = {
        "rotation_step": node.rotation_step,
        "rotation_due_at": node.rotation_due_at,
        "secret": node.secret,
    }
    return bool(Node.objects.filter(pk=node.pk, **unchanged).update(**columns))


def _postpone(node: Node, error: AgentError) -> None:
    """Whatever step is next by now, it waits."""
    Node.objects.filter(pk=node.pk, rotation_due_at=node.rotation_due_at).update(
        rotation_due_at=timezone.now() + RETRY, rotation_problem=error.sentence[:300]
    )


def _revealed(secret: Secret | None) -> str:
    """Raises AgentError locked."""
    try:
        return secret.reveal() if secret else ""
    except SecretLocked as error:
        raise AgentError("locked", f"The stored secret does not open: {error}.") from error


def _sealed(node: Node, column: str, secret: str) -> str:
    field = cast(SecretField, Node._meta.get_field(column))
    return field.stored(Secret(field.place(node.pk), plaintext=secret).seal())


def _remember(nodes: list[Node], user: Actor | None, now: dt.datetime) -> None:
    Node.history.bulk_history_create(
        nodes, update=True, default_user=user, default_date=now,
        default_change_reason="Rotation of the key began.",
    )  # fmt: skip


def _wake_up() -> None:
    # Only a wake-up: should the broker be down, the next tick finds what is due.
    current_app.send_task(TASK, expires=LEASE.total_seconds(), retry=False)
