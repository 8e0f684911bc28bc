"""Find peers by what people know of them: name, key, tag or address."""

import ipaddress
import json
from typing import Any

from django.db.models import BooleanField, F, Func, Q, Value

from nodes.models import Interface
from nodes.pools import Address as IPAddress
from nodes.pools import Pool
from peers.models import Address
from peers.querysets import PeerQuerySet


class HasTag(Func):
    """Whether a list of words in a JSON column has exactly this word."""

    output_field = BooleanField()

    def __init__(self, word: str) -> None:
        super().__init__(F("tags"), Value(word))

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, tuple]:
        (tags, before), (word, after) = map(compiler.compile, self.get_source_expressions())
        sql = f"EXISTS(SELECT 1 FROM json_each({tags}) WHERE value = {word})"  # noqa: S608
        return sql, (*before, *after)

    def as_postgresql(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, tuple]:
        (tags, before), (word, after) = map(compiler.compile, self.get_source_expressions())
        return f"({tags} @> to_jsonb({word}::text))", (*before, *after)


def search(peers: PeerQuerySet, text: str) -> PeerQuerySet:
    """Return those of `peers` of which every word of `text` is true.

    A word is part of a name, of a public key or of a tag, or it is a whole address.
    """
    for word in text.split():
        peers = peers.filter(_about(word))
    return peers


def _about(word: str) -> Q:
    said = Q(name__icontains=word) | Q(public_key__contains=word) | _in_tags(word)
    try:
        address = ipaddress.ip_address(word)
    except ValueError:
        return said
    return said | Q(pk__in=_at(address).values("peer"))


def _in_tags(word: str) -> Q:
    """SQLite keeps JSON as it was sent, in ASCII; PostgreSQL keeps the characters themselves.

    It makes each list a text again, half the time of a search: not those of no word.
    """
    stored = json.dumps(word)[1:-1]
    found = Q(tags__icontains=word)
    if stored != word:
        found |= Q(tags__icontains=stored)
    return ~Q(tags=[]) & found


def _at(address: IPAddress) -> Any:
    """Addresses that peers have, in whatever pools hold `address`: those lie in each other."""
    column = f"pool_v{address.version}"
    rows = Interface.objects.exclude(**{column: ""}).order_by()  # each pool once
    texts = rows.values_list(column, flat=True).distinct()
    found = Q(pk__in=())
    for text in texts:
        offset = Pool.parse(text).offset_of(address)
        if offset is not None and offset < 2**63:
            found |= Q(**{f"interface__{column}": text}, family=address.version, offset=offset)
    return Address.objects.held().filter(found)
