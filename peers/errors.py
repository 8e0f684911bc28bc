"""What is refused, and why, in a sentence for the person who asked."""

import datetime as dt
import uuid

from wgpanel_agent.documents import InvalidDocument


class Refused(Exception):
    """A wish that cannot be granted as it is; `field` names what must change."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field
        self.sentence = sentence


class PeerRefused(Refused):
    """A peer cannot be as it was asked for."""

    @classmethod
    def by_grammar(cls, error: InvalidDocument) -> "PeerRefused":
        """The agent's grammar, which names `peer.allowed_ips[0]`, said no."""
        name = error.field.removeprefix("peer.").partition("[")[0]
        field = "routed_networks" if name == "allowed_ips" else name
        return cls(field, f"This {error.problem}.")


class InterfaceRefused(Refused):
    """An interface cannot be as it was asked for."""


class IdempotencyConflict(Exception):
    """The Idempotency-Key was used for another request, or for a peer that is gone."""


class NoFreeAddress(Exception):
    """A node has no address to give now; its words say what rests, and until when."""

    def __init__(self, node_id: uuid.UUID, sentence: str) -> None:
        super().__init__(sentence)
        self.node_id = node_id


def clock(at: dt.datetime) -> str:
    """A time as it stands in a sentence."""
    return f"{at.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
