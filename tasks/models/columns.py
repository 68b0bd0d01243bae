"""Model instances out of rows of our own statements. `raw()` does the same for the price of a query that is compiled anew each time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache, cached_property
from typing import Any, Generic, TypeVar

from django.apps import apps
from django.db import connection
from django.db.models import Model

Instance = TypeVar("Instance", bound=Model)


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

    def __str__(self) -> str:
        """As a statement names them."""
        return self.text

    @cached_property
    def text(self) -> str:
        return ", ".join(f"{self.model._meta.db_table}.{field.column}" for field in self.fields)

    @cache  # noqa: B019 (as many as there are statements)
    def converters(self, vendor: str) -> list[tuple[int, Any]]:
        """The position of each value that is not yet what the model wants, and what makes it so."""
        return [
            (position, convert)
            for position, field in enumerate(self.fields)
            for convert in [*connection.ops.get_db_converters(field.cached_col), *field.get_db_converters(connection)]
        ]

    def instance(self, row: Sequence[Any]) -> Instance:
        """What a row says that begins with these columns."""
        values = list(row[: len(self.fields)])
        for position, convert in self.converters(connection.vendor):
            values[position] = convert(values[position], None, connection)
        found: Instance = self.model.from_db(connection.alias, self.names, values)
        return found
