"""The bodies of a write: a whole document, or the difference from one generation to another."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from wgpanel_agent import grammar
from wgpanel_agent.documents.parts import (
    InterfacePart,
    PeerPart,
    canonical,
    fields_of,
    list_of,
    refuse_double_claims,
)
from wgpanel_agent.documents.state import State, epoch, generation, hash_text, state_hash
from wgpanel_agent.grammar import InvalidDocument

MOST_PEERS = 65_536
MOST_CHANGES = 500  # in one delta, of each kind; more travels as a whole document


@dataclass(frozen=True, slots=True)
class Document:
    """All peers of an interface without desired state; without `interface` its settings stay."""

    peers: tuple[PeerPart, ...]
    interface: InterfacePart | None = None

    @classmethod
    def parse(cls, data: object, *, routes: bool = False) -> Self:
        given = fields_of(data, "document", cls.__slots__)
        part = given.get("interface")
        return cls.of(
            parse_peers(given.get("peers"), "peers", MOST_PEERS, routes=routes),
            None if part is None else InterfacePart.parse(part),
        )

    @classmethod
    def of(cls, peers: Iterable[PeerPart], interface: InterfacePart | None = None) -> Self:
        """Refuses a key or a network that two peers claim."""
        document = cls(tuple(peers), interface)
        refuse_double_claims(document.peers)
        return document


@dataclass(frozen=True, slots=True)
class WholeDocument:
    """Everything that is desired of one interface.

    `confirm_removals` is how many peers it removes, where that is many; `replaces_epoch` is the
    node's, where an operator chose that this panel takes over.
    """

    state: State
    interface: InterfacePart
    peers: tuple[PeerPart, ...]
    confirm_removals: int | None = None
    replaces_epoch: str | None = None

    FIELDS = (
        *("epoch", "generation", "hash", "interface", "peers"),
        *("confirm_removals", "replaces_epoch"),
    )

    @classmethod
    def parse(cls, data: object, *, routes: bool = False) -> Self:
        listed = fields_of(data, "document", cls.FIELDS).get("peers")
        return cls.of(data, parse_peers(listed, "peers", MOST_PEERS, routes=routes))

    @classmethod
    def of(cls, data: object, peers: Sequence[PeerPart]) -> Self:
        """From a body whose peers have been parsed."""
        given = fields_of(data, "document", cls.FIELDS)
        replaced = given.get("replaces_epoch")
        document = cls(
            state=State.parse(given),
            interface=InterfacePart.parse(given.get("interface")),
            peers=tuple(peers),
            confirm_removals=_confirmed(given),
            replaces_epoch=None if replaced is None else epoch(replaced, "replaces_epoch"),
        )
        refuse_double_claims(document.peers)
        return document

    @property
    def sums_up(self) -> bool:
        """Whether its hash is that of its parts."""
        return state_hash(self.interface, self.peers) == self.state.hash

    def as_json(self) -> dict[str, Any]:
        """The body of a request."""
        return {**self._head(), "peers": [peer.as_json() for peer in self.peers]}

    def text(self, peers: Iterable[str] | None = None) -> str:
        """The same as JSON; `peers` are those of the document, where they are written already."""
        told = (peer.canonical() for peer in self.peers) if peers is None else peers
        return f'{canonical(self._head())[:-1]},"peers":[{",".join(told)}]}}'

    def _head(self) -> dict[str, Any]:
        return {
            "epoch": self.state.epoch,
            "generation": self.state.generation,
            "hash": self.state.hash,
            "interface": self.interface.as_json(),
            **_given(confirm_removals=self.confirm_removals, replaces_epoch=self.replaces_epoch),
        }


@dataclass(frozen=True, slots=True)
class Delta:
    """What changed from generation `base` to `generation`; `hash` is that of the whole after it."""

    epoch: str
    base: int
    generation: int
    hash: str
    upsert: tuple[PeerPart, ...] = ()
    remove: tuple[str, ...] = ()
    confirm_removals: int | None = None

    FIELDS = (
        *("epoch", "base", "generation", "hash"),
        *("upsert", "remove", "confirm_removals"),
    )

    @classmethod
    def parse(cls, data: object, *, routes: bool = False) -> Self:
        given = fields_of(data, "delta", cls.FIELDS)
        delta = cls(
            epoch=epoch(given.get("epoch")),
            base=generation(given.get("base"), "base"),
            generation=generation(given.get("generation")),
            hash=hash_text(given.get("hash")),
            upsert=tuple(
                parse_peers(given.get("upsert", []), "upsert", MOST_CHANGES, routes=routes)
            ),
            remove=parse_keys(given.get("remove", []), "remove"),
            confirm_removals=_confirmed(given),
        )
        refuse_double_claims(delta.upsert, "upsert")
        delta._refuse_contradictions()
        return delta

    def _refuse_contradictions(self) -> None:
        if self.generation <= self.base:
            raise InvalidDocument("generation", "must be higher than base")
        refuse_both(self.upsert, self.remove)

    @property
    def state(self) -> State:
        """The state after it."""
        return State(self.epoch, self.generation, self.hash)

    def as_json(self) -> dict[str, Any]:
        """The body of a request."""
        return {
            "epoch": self.epoch,
            "base": self.base,
            "generation": self.generation,
            "hash": self.hash,
            "upsert": [peer.as_json() for peer in self.upsert],
            "remove": list(self.remove),
            **_given(confirm_removals=self.confirm_removals),
        }


def parse_peers(value: object, field: str, most: int, *, routes: bool) -> list[PeerPart]:
    listed = list_of(value, field, most)
    return [PeerPart.parse(it, f"{field}[{i}]", routes=routes) for i, it in enumerate(listed)]


def parse_keys(value: object, field: str) -> tuple[str, ...]:
    listed = list_of(value, field, MOST_CHANGES)
    keys = tuple(grammar.public_key(key, f"{field}[{i}]") for i, key in enumerate(listed))
    if len(set(keys)) != len(keys):
        raise InvalidDocument(field, "names one key twice")
    return keys


def refuse_both(upserts: Sequence[PeerPart], removals: Sequence[str]) -> None:
    wanted = {peer.public_key for peer in upserts}
    for position, key in enumerate(removals):
        if key in wanted:
            raise InvalidDocument(f"remove[{position}]", "is in upsert as well")


def _confirmed(given: Mapping[str, Any]) -> int | None:
    value = given.get("confirm_removals")
    return None if value is None else grammar.integer(value, "confirm_removals", 0, MOST_PEERS)


def _given(**options: object) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
