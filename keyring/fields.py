"""A model field: sealed in the database and masked in Python until it is asked for."""

from typing import Any

from django.db import models

from keyring.sealing import seal, unseal

MASK = "••••••••"


class Secret:
    """A secret of one row. `reveal()` is the only way to its text; every other view is masked."""

    __slots__ = ("_place", "_plaintext", "sealed")

    def __init__(self, place: str, *, plaintext: str | None = None, sealed: str | None = None):
        self._place, self._plaintext, self.sealed = place, plaintext, sealed

    def reveal(self) -> str:
        """Return the plaintext; raise SecretLocked when its key is missing or it was moved."""
        if self._plaintext is None:
            self._plaintext = unseal(self.sealed or "", self._place)
        return self._plaintext

    def seal(self) -> str:
        """Return the text for the database."""
        if self.sealed is None:
            self.sealed = seal(self._plaintext or "", self._place)
        return self.sealed

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__


class _SecretAttribute:
    """Gives a row's column as a Secret that knows its place; takes plaintext, a Secret or None."""

    def __init__(self, field: "SecretField"):
        self.field = field

    def __get__(self, instance: models.Model | None, owner: type | None = None) -> Any:
        if instance is None:
            return self
        if self.field.attname not in instance.__dict__:
            instance.refresh_from_db(fields=[self.field.attname])
        value = instance.__dict__[self.field.attname]
        if isinstance(value, _Stored):
            value = Secret(self._place(instance), sealed=value)
            instance.__dict__[self.field.attname] = value
        return value

    def __set__(self, instance: models.Model, value: Any) -> None:
        if isinstance(value, str) and not isinstance(value, _Stored):
            value = Secret(self._place(instance), plaintext=value) if value else None
        instance.__dict__[self.field.attname] = value

    def _place(self, instance: models.Model) -> str:
        return self.field.place(instance.pk)


class _Stored(str):
    """Marks text that came from the database, so that it is not taken for a new plaintext."""

    __slots__ = ()


class SecretField(models.TextField):
    """Text sealed at rest. Needs a primary key that exists before the first save (a UUID)."""

    description = "A secret, sealed at rest"

    def contribute_to_class(self, cls: type, name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only)
        setattr(cls, self.attname, _SecretAttribute(self))

    def place(self, pk: Any) -> str:
        """Name the row, table and column that a sealed text is bound to."""
        return f"{self.model._meta.db_table}|{self.column}|{pk}"

    def opened(self, pk: Any, sealed: str) -> str:
        """Return the plaintext of a column read without its row; raise SecretLocked."""
        return unseal(sealed, self.place(pk))

    def from_db_value(self, value: str | None, *_: Any) -> _Stored | None:
        return None if value is None else _Stored(value)

    def get_prep_value(self, value: Any) -> str | None:
        return value.seal() if isinstance(value, Secret) else super().get_prep_value(value)

    def to_python(self, value: Any) -> Any:
        return value

    def run_validators(self, value: Any) -> None:
        """Check a new plaintext; one that is sealed was checked when it came, and may be locked."""
        if not isinstance(value, Secret):
            super().run_validators(value)
        elif value.sealed is None:
            super().run_validators(value.reveal())

    def value_to_string(self, obj: models.Model) -> str:
        """Serialise the sealed text, never the plaintext (dumpdata)."""
        value = self.value_from_object(obj)
        return value.seal() if isinstance(value, Secret) else ""
