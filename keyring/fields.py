"""A model field: sealed in the database and masked in Python until it is asked for."""

from typing import Any

from django.db import models
from django.views.decorators.debug import sensitive_variables

from keyring.sealing import looks_sealed, seal, unseal

MASK = "••••••••"


class Secret:
    """A secret of one row. `reveal()` is the only way to its text; every other view is masked."""

    __slots__ = ("_plaintext", "place", "sealed")

    @sensitive_variables()
    def __init__(self, place: str, *, plaintext: str | None = None, sealed: str | None = None):
        self.place, self._plaintext, self.sealed = place, plaintext, sealed

    def reveal(self) -> str:
        """Return the plaintext; raise SecretLocked when its key is missing or it was moved."""
        if self._plaintext is None:
            self._plaintext = unseal(self.sealed or "", self.place)
        return self._plaintext

    def seal(self) -> str:
        """Return the text for the database."""
        if self.sealed is None:
            self.sealed = seal(self._plaintext or "", self.place)
        return self.sealed

    def at(self, place: str) -> "Secret":
        """Return the secret for another row; raise SecretLocked when this one does not open."""
        return self if place == self.place else Secret(place, plaintext=self.reveal())

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the sealed text, never the plaintext."""
        return _restore, (self.place, self.seal())

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "Secret":
        return self


def _restore(place: str, sealed: str) -> Secret:
    return Secret(place, sealed=sealed)


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
            value = Secret(self.field.place(instance.pk), sealed=value)
            instance.__dict__[self.field.attname] = value
        return value

    @sensitive_variables()
    def __set__(self, instance: models.Model, value: Any) -> None:
        if isinstance(value, str) and not isinstance(value, _Stored):
            value = Secret(self.field.place(instance.pk), plaintext=value) if value else None
        instance.__dict__[self.field.attname] = value


class _Stored(str):
    """Marks text that came from the database, so that it is not taken for a new plaintext."""

    __slots__ = ()


class SecretField(models.TextField):
    """Text sealed at rest. Needs a primary key that exists before the first save (a UUID).

    Written through an instance only: `update(secret="…")` raises TypeError, because a query does
    not know the row that the text must be bound to.
    """

    description = "A secret, sealed at rest"
    # for the type checker: what a row gives, and what it takes
    _pyi_private_get_type: Secret  # type: ignore[assignment]
    _pyi_private_set_type: str | Secret | None  # type: ignore[assignment]

    def contribute_to_class(self, cls: type, name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only)
        setattr(cls, self.attname, _SecretAttribute(self))

    def place(self, pk: Any) -> str:
        """Name the row, table and column that a sealed text is bound to."""
        return f"{self.model._meta.db_table}|{self.column}|{pk}"

    def opened(self, pk: Any, sealed: str) -> str:
        """Return the plaintext of a column read without its row; raise SecretLocked."""
        return unseal(sealed, self.place(pk))

    @staticmethod
    def stored(sealed: str) -> str:
        """Return a sealed text as one that may be written as it is."""
        return _Stored(sealed)

    def from_db_value(self, value: str | None, *_: Any) -> _Stored | None:
        return None if value is None else _Stored(value)

    def pre_save(self, model_instance: models.Model, add: bool) -> Secret | None:
        """Bind the secret to the row that is saved: its key may have been set after the secret."""
        secret = getattr(model_instance, self.attname)
        return secret and secret.at(self.place(model_instance.pk))

    def get_prep_value(self, value: Any) -> str | None:
        if isinstance(value, Secret):
            return value.seal()
        if value is None or isinstance(value, _Stored):
            return value
        raise TypeError("a secret is written through an instance, and not searched for")

    def to_python(self, value: Any) -> Any:
        """Take the sealed text of a fixture (loaddata) for what it is."""
        return _Stored(value) if isinstance(value, str) and looks_sealed(value) else value

    def run_validators(self, value: Any) -> None:
        """Check a new plaintext; one that is sealed was checked when it came, and may be locked."""
        if not isinstance(value, Secret):
            super().run_validators(value)
        elif value.sealed is None:
            super().run_validators(value.reveal())

    def value_to_string(self, obj: models.Model) -> str:
        """Serialise the sealed text, never the plaintext (dumpdata)."""
        return str(self.get_prep_value(self.pre_save(obj, add=False)))
