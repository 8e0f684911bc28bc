"""Secrets that are put in to see that they come out nowhere, in no spelling."""

import base64
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Model

from accounts import setup_links, tokens
from accounts.tests.builders import make_boss
from keyring.rotation import secret_columns
from nodes.tests.builders import make_online_node
from nodes.tests.joining import make_token
from peers.models import Peer
from peers.sharing import links as share_links
from peers.tests.builders import make_interface, make_key, make_peer


def make_canary() -> str:
    return f"cnry-{secrets.token_hex(20)}"


def spellings(secret: str) -> set[str]:
    """The secret, as JSON may escape it, in hexadecimal and in base64; of a key its bytes, too."""
    found = {secret, secret.replace("/", r"\/"), *_encoded(secret.encode())}
    with suppress(ValueError):  # it is no key
        found |= _encoded(base64.b64decode(secret, validate=True))
    return {it.rstrip("=") for it in found}


def _encoded(raw: bytes) -> set[str]:
    both = (base64.b64encode(raw), base64.urlsafe_b64encode(raw))
    return {raw.hex(), *(it.decode() for it in both)}


def leaks(text: str, canaries: Iterable[str]) -> set[str]:
    """Return what of the canaries is in the text."""
    every = {spelling for canary in canaries for spelling in spellings(canary)}
    return {spelling for spelling in every if spelling in text}


@dataclass
class Planted:
    """A row of each model that has secrets, each of its secret fields full; and what is digests."""

    boss: User
    rows: dict[type[Model], Any]
    columns: dict[str, str] = field(default_factory=dict)  # field → what is in it
    digested: dict[str, str] = field(default_factory=dict)

    @property
    def secrets(self) -> tuple[str, ...]:
        return (*self.columns.values(), *self.digested.values())

    def leaks(self, text: str) -> set[str]:
        return leaks(text, self.secrets)


def plant() -> Planted:
    """Fill every secret field that there is; one of a model without a row here is a KeyError."""
    link = setup_links.make()  # before there is an admin
    boss = make_boss()
    node = make_online_node(agent_url="http://127.0.0.1:1", next_secret_seq=2)
    peer, (join_token, line) = make_peer(interface=make_interface(node=node)), make_token(boss)
    planted = Planted(boss, {type(row): row for row in (node, join_token, peer)})
    for column in secret_columns():
        row = planted.rows[column.model]
        planted.columns[str(column)] = make_key() if column.model is Peer else make_canary()
        setattr(row, column.attname, planted.columns[str(column)])
        row.save(update_fields=[column.attname])
    planted.digested = {
        "API token": tokens.issue(boss),
        "setup link": str(link),
        "share link": share_links.create(peer, boss).secret,
        "join token": line.partition(".")[2],
    }
    return planted
