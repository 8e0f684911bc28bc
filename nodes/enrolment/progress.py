"""How far a joining has come, as the page of its token shows it."""

import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.utils import timezone

from nodes.enrolment.join_token import JoinToken, Step
from nodes.models import Node, PollingPolicy, Status
from nodes.standing import standing_reason

ENDED = (Step.EXPIRED, Step.BURNT, Step.REVOKED)


class Mark(NamedTuple):
    """One line of the list: what, whether it has happened, and what is known of it."""

    what: str
    is_done: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    token: JoinToken
    node: Node | None
    now: dt.datetime

    @property
    def marks(self) -> Iterator[Mark]:
        """In the order in which they happen."""
        token, node = self.token, self.node
        yield Mark("Token made", True)
        came = "The node was called" if token.dial_url else "The node came"
        yield Mark(f"{came} and proved the token", token.came_at is not None, self._came)
        if token.wants_approval:
            yield Mark("An operator let it in", token.used_at is not None)
        is_told = token.told_at is not None or not token.dial_url or self._has_reported
        problem = token.call_problem if token.used_at and not is_told else ""
        yield Mark("Both sides hold one secret", token.used_at is not None and is_told, problem)
        yield Mark("First verified report", self._has_reported)
        note = "" if node is None or not token.used_at else standing_reason(node)
        yield Mark("Online", self.is_online, note)

    @property
    def _came(self) -> str:
        told, token = self.token.told, self.token
        if told:
            return f"{told['host']} at {token.came_from}, agent {told['version']}"
        wrong = f"{token.wrong_proofs} wrong so far. " if token.wrong_proofs else ""
        return wrong + token.call_problem

    @property
    def _has_reported(self) -> bool:
        node, used_at = self.node, self.token.used_at
        return bool(node and used_at and node.reported_at and node.reported_at >= used_at)

    @property
    def is_online(self) -> bool:
        return self._has_reported and self.node is not None and self._standing == Status.ONLINE

    @property
    def _standing(self) -> str:
        return str(self.node.standing)  # type: ignore[union-attr]  # annotated by `look`

    @property
    def is_over(self) -> bool:
        """Nothing more will change by itself."""
        return self.is_online or self.token.step in ENDED

    @property
    def is_open(self) -> bool:
        return self.token.step in (Step.OPEN, Step.WAITING)

    @property
    def can_be_called(self) -> bool:
        return JoinToken.objects.awaiting_call(self.now).filter(pk=self.token.pk).exists()

    @property
    def expires_in(self) -> dt.timedelta:
        return self.token.expires_at - self.now

    @property
    def interfaces(self) -> list[dict[str, Any]]:
        """What was on the node before."""
        found: list[dict[str, Any]] = self.token.told.get("interfaces", [])
        return found


def look(token_id: uuid.UUID) -> Progress:
    """Raise JoinToken.DoesNotExist."""
    now = timezone.now()
    token = JoinToken.objects.select_related("group").defer("key").get(pk=token_id)
    nodes = Node.objects.with_standing(PollingPolicy.current().interval, now)
    node = nodes.defer("secret", "health_json").filter(join_tokens=token).first()
    return Progress(token, node, now)
