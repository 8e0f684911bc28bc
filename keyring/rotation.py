"""Seal everything that is stored anew with the first configured key.

Each row is changed by itself and only while it is as it was read, so the work can be interrupted
at any moment, repeated, and done while the panel runs.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps

from keyring.fields import SecretField
from keyring.sealing import SecretLocked, current_key_id, key_id_of, seal

BATCH = 500


@dataclass
class Rotation:
    """What was found: rows sealed anew, rows that no configured key opens, rows of each key."""

    resealed: int = 0
    locked: int = 0
    by_key: Counter[str] = field(default_factory=Counter)


def secret_columns() -> list[SecretField]:
    """Return every field of the panel that is sealed at rest."""
    fields = (field for model in apps.get_models() for field in model._meta.local_fields)
    return [field for field in fields if isinstance(field, SecretField)]


def rotate(column: SecretField, *, dry_run: bool = False) -> Rotation:
    """Seal the column of all rows with the first key; with `dry_run` only count."""
    found = Rotation()
    for pk, sealed in _stored(column):
        found.by_key[key_id_of(sealed)] += 1
        if not dry_run and key_id_of(sealed) != current_key_id():
            _reseal(column, pk, sealed, found)
    return found


def locked(column: SecretField) -> int:
    """Return how many rows no configured key opens."""
    return sum(not _opens(column, pk, sealed) for pk, sealed in _stored(column))


def _opens(column: SecretField, pk: Any, sealed: str) -> bool:
    try:
        column.opened(pk, sealed)
    except SecretLocked:
        return False
    return True


def _stored(column: SecretField) -> Iterator[tuple[Any, str]]:
    rows = column.model._base_manager.exclude(**{column.attname: None}).order_by("pk")
    batch = list(rows.values_list("pk", column.attname)[:BATCH])
    while batch:
        yield from batch
        batch = list(rows.filter(pk__gt=batch[-1][0]).values_list("pk", column.attname)[:BATCH])


def _reseal(column: SecretField, pk: Any, sealed: str, found: Rotation) -> None:
    """Replace one sealed text, unless somebody else just did."""
    try:
        renewed = seal(column.opened(pk, sealed), column.place(pk))
    except SecretLocked:
        found.locked += 1
        return
    unchanged = {column.attname: column.stored(sealed)}
    row = column.model._base_manager.filter(pk=pk, **unchanged)
    found.resealed += row.update(**{column.attname: column.stored(renewed)})
