"""Model instances out of rows of our own statements, and rows out of instances. `raw()` and `save()` do the same for the price of a
statement that is compiled anew each time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache, cached_property
from typing import Any, Generic, TypeVar

from django.apps import apps
from django.db import connection
from django.db.models import Model

from tasks.transitions import rows

Instance = TypeVar("Instance", bound=Model)


def converters_of(field: Any) -> list[Any]:
    """What makes a value of the database one of the model, in order."""
    return [*connection.ops.get_db_converters(field.cached_col), *field.get_db_converters(connection)]


class Columns(Generic[Instance]):
    """Some fields of a model, in its order; all where none are named. The others are read only if somebody asks for them."""

    def __init__(self, model: str, names: Collection[str] = ()) -> None:
        self.label = model
        self.wanted = names

    @cached_property
    def model(self) -> Any:
        return apps.get_model(self.label)

    @cached_property
    def fields(self) -> list[Any]:
        return [field for field in self.model._meta.concrete_fields if not self.wanted or field.attname in self.wanted]

    @cached_property
    def names(self) -> list[str]:
        return [field.attname for field in self.fields]

    @cached_property
    def known(self) -> frozenset[str]:
        """The names again, for Django, which looks each field of the model up among them."""
        return frozenset(self.names)

    def __str__(self) -> str:
        """As a statement names them."""
        return self.text

    @cached_property
    def text(self) -> str:
        return ", ".join(f"{self.model._meta.db_table}.{field.column}" for field in self.fields)

    @cache  # noqa: B019 (as many as there are statements)
    def converters(self, vendor: str) -> list[tuple[int, Any]]:
        """The position of each value that is not yet what the model wants, and what makes it so."""
        return [(position, convert) for position, field in enumerate(self.fields) for convert in converters_of(field)]

    def instance(self, row: Sequence[Any]) -> Instance:
        """What a row says that begins with these columns."""
        values = list(row[: len(self.fields)])
        for position, convert in self.converters(connection.vendor):
            values[position] = convert(values[position], None, connection)
        found: Instance = self.model.from_db(connection.alias, self.known, values)
        return found

    @cached_property
    def given(self) -> list[Any]:
        """What a new row is told; all else the database fills in."""
        return [field for field in self.fields if not field.db_returning]

    @cached_property
    def filled_in(self) -> list[Any]:
        return [field for field in self.fields if field.db_returning]

    @cached_property
    def insertion(self) -> str:
        names, filled_in = (", ".join(field.column for field in fields) for fields in (self.given, self.filled_in))
        places = ", ".join(["%s"] * len(self.given))
        return f"INSERT INTO {self.model._meta.db_table} ({names}) VALUES ({places}) RETURNING {filled_in}"  # noqa: S608 (names of fields)

    def insert(self, new: Instance) -> None:
        """A row for an instance, which learns what the database fills in. Only plain values, and no signals. Raises IntegrityError."""
        values = [field.get_db_prep_save(getattr(new, field.attname), connection) for field in self.given]
        [answered] = rows(self.insertion, values)
        for field, value in zip(self.filled_in, answered, strict=True):
            for convert in converters_of(field):
                value = convert(value, None, connection)
            setattr(new, field.attname, value)
        new._state.adding, new._state.db = False, connection.alias
