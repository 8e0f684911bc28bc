"""Which state an interface has: epoch, generation, and a hash that moves with each change.

The hash is a sum of digests modulo 2**256, so that one change of one peer costs one peer, not all
of them. It finds mistakes; that nobody forges a document is the signature's affair.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from wgpanel_agent import grammar
from wgpanel_agent.documents.parts import LARGEST, InterfacePart, PeerPart
from wgpanel_agent.grammar import InvalidDocument

MODULUS = 2**256
NO_STATE = '"none"'
_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_EPOCH = re.compile(_UUID, re.ASCII)
_HASH = re.compile("[0-9a-f]{64}", re.ASCII)
_ETAG = re.compile(rf'"({_UUID}):([1-9][0-9]{{0,18}}):([0-9a-f]{{64}})"', re.ASCII)


def hash_sum(hash: str, add: Iterable[int] = (), subtract: Iterable[int] = ()) -> str:
    """The hash after some digests came and others went."""
    return f"{(int(hash, 16) + sum(add) - sum(subtract)) % MODULUS:064x}"


def state_hash(interface: InterfacePart, peers: Iterable[PeerPart]) -> str:
    """64 hexadecimal digits; the order of the peers does not matter."""
    return hash_sum("0", (interface.digest(), *(peer.digest() for peer in peers)))


def epoch(value: object, field: str = "epoch") -> str:
    if not isinstance(value, str) or not _EPOCH.fullmatch(value):
        raise InvalidDocument(field, "must be a UUID in lower case")
    return value


def generation(value: object, field: str = "generation") -> int:
    return grammar.integer(value, field, 1, LARGEST)


def hash_text(value: object, field: str = "hash") -> str:
    if not isinstance(value, str) or not _HASH.fullmatch(value):
        raise InvalidDocument(field, "must be 64 hexadecimal digits in lower case")
    return value


@dataclass(frozen=True, slots=True)
class State:
    """Generations grow within an epoch; two panels never share one."""

    epoch: str
    generation: int
    hash: str

    @classmethod
    def parse(cls, given: Any) -> Self:
        """From the fields of a document."""
        return cls(
            epoch(given.get("epoch")),
            generation(given.get("generation")),
            hash_text(given.get("hash")),
        )

    @classmethod
    def parse_etag(cls, text: object) -> Self:
        found = _ETAG.fullmatch(text) if isinstance(text, str) else None
        if found is None:
            raise InvalidDocument("if_match", 'must be "<epoch>:<generation>:<hash>"')
        return cls(found[1], generation(int(found[2]), "if_match"), found[3])

    @property
    def etag(self) -> str:
        """As ETag and If-Match have it (RFC 9110 section 8.8.3), its quotes included."""
        return f'"{self.epoch}:{self.generation}:{self.hash}"'


def if_match(state: State | None) -> str:
    """What a write says that the node has; None where it has no desired state."""
    return NO_STATE if state is None else state.etag


def parse_if_match(text: object) -> State | None:
    """One exact state, or none at all; lists, weak tags and `*` are refused."""
    return None if text == NO_STATE else State.parse_etag(text)
